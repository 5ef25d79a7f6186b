"use strict";
// Three sliders over the stacks of the money section: each row's inputs stand in its data-inputs, cheapest, middle and
// dearest; `cost` is the same arithmetic as the verdict's. Without this script the section is a table.
(() => {
  const section = document.getElementById("money-sliders");
  const rows = [...section.querySelectorAll("tr[data-inputs]")];
  const inputs = rows.map(row => JSON.parse(row.dataset.inputs));
  const slider = name => section.querySelector(`input[name="${name}"]`);
  const first = name => inputs.map(i => i[name]).find(ends => ends && ends[1] > 0);
  const base = {
    requests_per_day: (first("requests_per_day") || [0, 1000])[1],
    usd: (first("usd_in") || [0, 0])[1],
    months: (first("months") || [0, 0])[1],
  };

  // Volume and price go by powers of ten around what the verdict has, months one by one.
  const scale = {
    requests_per_day: { read: v => base.requests_per_day * 10 ** (v / 50), places: 0 },
    usd: { read: v => base.usd * 10 ** (v / 100), places: 3 },
    months: { read: v => v, places: 0 },
  };
  const moved = () => ({
    requests_per_day: scale.requests_per_day.read(Number(slider("requests_per_day").value)),
    price_factor: base.usd ? scale.usd.read(Number(slider("usd").value)) / base.usd : 1,
    months: Number(slider("months").value),
  });

  const written = n => n >= 1e12 ? `$${n.toPrecision(3)}` : n > 0 && n < 0.01 ? `$${n.toPrecision(2)}`
    : "$" + n.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const month = (ends, at, given) => {
    const values = { ...absent };
    for (const name of Object.keys(ends)) values[name] = ends[name][at];
    values.requests_per_day = given.requests_per_day;
    values.price_factor = given.price_factor;
    if (ends.months && base.months) values.months = given.months;
    return cost(values).month;
  };
  const show = () => {
    const given = moved();
    const found = inputs.map(ends => [0, 1, 2].map(at => month(ends, at, given)));
    const least = Math.min(...found.map(f => f[1]));
    rows.forEach((row, i) => {
      const [low, middle, high] = found[i].map(written);
      row.querySelector("[data-month]").textContent = middle;
      row.querySelector("[data-span]").textContent = `${low} to ${high}`;
      row.querySelector("[data-least]").textContent = found[i][1] === least ? "cheapest" : "";
    });
    section.querySelector('output[name="requests_per_day"]').textContent =
      Math.round(given.requests_per_day).toLocaleString("en-US");
    section.querySelector('output[name="usd"]').textContent = written(given.price_factor * base.usd);
    section.querySelector('output[name="months"]').textContent = String(given.months);
  };

  if (base.months) slider("months").value = String(base.months);
  slider("usd").closest("label").hidden = !base.usd;
  slider("months").closest("label").hidden = !base.months;
  for (const one of section.querySelectorAll("input")) one.addEventListener("input", show);
  section.hidden = false;
  show();
  globalThis.sufficeMoney = { cost, absent, month };
})();
