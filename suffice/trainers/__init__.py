"""Trainers: one file is one way of learning from demonstrations. They need the extra `train`."""
