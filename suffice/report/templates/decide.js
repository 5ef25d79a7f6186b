// Decides a case by the rule table, as suffice/decide does; a test holds the two equal on hundreds of cases.
"use strict";
const decide = (facts, table) => {
  const weight = lever => table.levers[lever].weight;
  const fact = name => facts[name] ?? null;
  const unique = list => [...new Set(list)];

  const every = values => values.includes(false) ? false : values.includes(null) ? null : true;
  const not = value => value === null ? null : !value;
  const named = ([word, ...of]) =>
    word === "within" ? of : word === "repaid" ? ["requests_per_day", "stable_months"] : [of[0]];
  const compared = ([word, ...of], [one, other]) =>
    word === "in" ? of.slice(1).includes(one)
      : word === "at_least" ? one >= of[1]
      : word === "within" ? one <= other
      : one * table.days * Math.max(1, other) * of[1] >= of[0];
  const holds = (condition, given) => {
    const [word, ...of] = condition;
    switch (word) {
      case "every": return every(of.map(c => holds(c, given)));
      case "some": return not(every(of.map(c => not(holds(c, given)))));
      case "not": return not(holds(of[0], given));
      case "gates": return holds(table.conditions[of[0]], given);
      case "seen": return of.some(signal => (given.signals ?? []).includes(signal));
      case "known": return (given[of[0]] ?? null) !== null;
    }
    const needed = named(condition).map(name => given[name] ?? null);
    return needed.includes(null) ? null : compared(condition, needed);
  };
  const open = condition => {
    if (holds(condition, facts) !== null) return [];
    const [word, ...of] = condition;
    if (word === "gates") return open(table.conditions[of[0]]);
    if (["every", "some", "not"].includes(word)) return unique(of.flatMap(open));
    return named(condition).filter(name => fact(name) === null);
  };

  const first = (topic, given) => topic.rows.find(row => holds(row.when, given) === true) ?? null;
  const present = given => {
    const found = table.topics.filter(t => holds(t.when, given) === true && holds(t.unless, given) !== true);
    return found.length ? found : [table.start];
  };
  const step = (topic, row) => ({topic: topic.name, row: row.name, lever: row.lever, heads_to: topic.heads_to});
  const steps = given => {
    const settled = first(table.case, given);
    if (settled) return [step(table.case, settled)];
    const found = present(given).map(topic => [topic, first(topic, given)]).filter(([, row]) => row);
    return found.map(([topic, row]) => step(topic, row)).sort((a, b) => weight(a.lever) - weight(b.lever));
  };
  const levers = taken => unique(taken.map(one => one.lever));

  const waiting = topic => {
    const taken = first(topic, facts);
    const above = taken ? topic.rows.slice(0, topic.rows.indexOf(taken)) : [...topic.rows];
    return (topic === table.case ? above : above.reverse()).flatMap(row => open(row.when));
  };
  const asked = (active, combined) => {
    const found = waiting(table.case);
    if (first(table.case, facts)) return unique(found);
    found.push(...active.flatMap(waiting));
    for (const topic of table.topics) {
      found.push(...open(topic.when));
      if (holds(topic.when, facts) === true) found.push(...open(topic.unless));
    }
    if (combined && fact("each_layer_measured") === null) found.push("each_layer_measured");
    return unique(found);
  };

  const values = name => {
    const most = table.facts.find(one => one.name === name).most;
    const tried = table.tries[name].map(value => {
      if (value === null || typeof value !== "object") return value;
      const other = fact(value.like);
      return other === null ? null : Math.min(most, other * value.times);
    });
    return tried.filter(value => value !== null && value !== fact(name));
  };
  const changes = taken => {
    const now = levers(taken);
    const found = [];
    for (const name of Object.keys(table.tries)) {
      let best = null;
      for (const value of values(name)) {
        const then = levers(steps({...facts, [name]: value}));
        if (then.join() === now.join()) continue;
        const size = Math.max(...[0, -1].map(at => Math.abs(weight(then.at(at)) - weight(now.at(at)))));
        if (best === null || size > best.size) best = {fact: name, value, levers: then, size};
      }
      if (best) found.push(best);
    }
    return found.sort((a, b) => b.size - a.size);
  };

  const approach = active => {
    const trained = active.filter(topic => topic.approach);
    let heaviest = null;
    for (const topic of trained) if (!heaviest || weight(topic.heads_to) > weight(heaviest.heads_to)) heaviest = topic;
    return heaviest ? first(heaviest, facts)?.approach ?? heaviest.approach : "lora";
  };

  const sum = names => {
    if (!names.length) return null;
    return [0, 1].map(end => names.reduce((total, name) => total + table.spans[name][end], 0));
  };
  const upkeep = () => [0, 1].map(end =>
    table.spans.lora_refresh_weeks[end] * table.spans.engineer_week[end] * table.spans.base_changes[end] / table.year);
  const payback = (build, month) => {
    const bill = fact("usd_per_month");
    if (bill === null) return null;
    const least = bill * (1 - table.student[1]) - month[1], most = bill * (1 - table.student[0]) - month[0];
    return least > 0 ? [build[0] / most, build[1] / least] : null;
  };
  const paysFrom = (build, month) => {
    const [bill, requests, months] = ["usd_per_month", "requests_per_day", "stable_months"].map(fact);
    if (!bill || !requests || !months) return null;
    const request = bill / (table.days * requests);
    return [0, 1].map(end =>
      (build[end] / months + month[end]) / (table.days * request * (1 - table.student[end])));
  };
  const money = taken => {
    let furthest = null;
    for (const one of taken) if (furthest === null || weight(one.heads_to) > weight(furthest)) furthest = one.heads_to;
    return unique([...levers(taken), furthest]).map(name => {
      const lever = table.levers[name];
      const build = sum(lever.build), month = lever.trained ? upkeep() : sum(lever.month);
      const student = name === "distillation" && build && month;
      return {
        lever: name, build, month,
        payback_months: student ? payback(build, month) : null, pays_from: student ? paysFrom(build, month) : null,
      };
    }).filter(one => one.build || one.month);
  };

  const active = present(facts), taken = steps(facts), by = approach(active);
  const combined = levers(taken).filter(lever => weight(lever) >= table.built).length > 1;
  return {
    lever: taken[0].lever,
    steps: taken,
    combined,
    measure: asked(active, combined),
    avoid: table.avoid.filter(wrong => holds(wrong.when, facts) === true).map(wrong => wrong.name),
    approach: by,
    gates: table.doors[by].map(door => ({name: door.name, held: holds(door.when, facts)})),
    changes: changes(taken),
    money: money(taken),
  };
};
