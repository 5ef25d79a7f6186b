{
  const {table, known} = JSON.parse(document.getElementById("data").textContent);
  const facts = {signals: [], ...known};
  const of = id => document.getElementById(id);
  const facts_by = Object.fromEntries(table.facts.map(fact => [fact.name, fact]));
  const rows = Object.fromEntries([table.case, table.start, ...table.topics].flatMap(t => t.rows).map(row => [row.name, row]));
  const make = (tag, set = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), set);
    made.append(...inside.filter(one => one !== null));
    return made;
  };
  const section = source => "§" + source.split("§").pop();
  const number = value => value.toLocaleString("en", {maximumFractionDigits: 4});
  const shown = (fact, value) =>
    value === null || value === undefined ? "not known"
      : fact.kind === "flag" ? (value ? "yes" : "no")
      : fact.kind === "number" ? (fact.most === 1 ? number(value * 100) + " %" : number(value))
      : String(value);

  // The questions

  const told = (name, value) => {
    if (value === null) delete facts[name]; else facts[name] = value;
    answer();
  };
  const three = (fact, id) => make("div", {className: "three field"}, ...[["yes", true], ["no", false], ["not known", null]].map(
    ([word, value]) => make("label", {}, make("input", {
      type: "radio", name: id, checked: (facts[fact.name] ?? null) === value, onchange: () => told(fact.name, value),
    }), word)));
  const chosen = (fact, id) => {
    const select = make("select", {id, onchange: () => told(fact.name, select.value || null)},
      make("option", {value: ""}, "not known"), ...fact.options.map(([value, label]) => make("option", {value}, label)));
    select.value = facts[fact.name] ?? "";
    return make("div", {className: "field"}, select);
  };
  const counted = (fact, id) => {
    const input = make("input", {
      type: "number", id, min: fact.least, step: "any", value: facts[fact.name] ?? "", placeholder: "not known",
      oninput: () => told(fact.name, input.value === "" || !input.validity.valid ? null : Number(input.value)),
    });
    if (fact.most < 1e15) input.max = fact.most;
    return make("div", {className: "field"}, input, fact.unit ? make("span", {className: "unit"}, fact.unit) : null);
  };
  const question = fact => {
    const id = "fact-" + fact.name, how = make("p", {className: "how"}, `${fact.measure}. `, make("small", {}, section(fact.source)));
    if (fact.kind === "flag") return make("fieldset", {className: "question", id: "q-" + fact.name},
      make("legend", {}, make("span", {}, fact.ask)), three(fact, id), how);
    return make("div", {className: "question", id: "q-" + fact.name}, make("label", {htmlFor: id}, fact.ask),
      fact.kind === "choice" ? chosen(fact, id) : counted(fact, id), how);
  };
  of("signs").append(...table.signals.map(sign => {
    const box = make("input", {type: "checkbox", value: sign.name, checked: facts.signals.includes(sign.name), onchange: () => {
      const on = new Set([...of("signs").querySelectorAll(":checked")].map(one => one.value));
      told("signals", table.signals.map(one => one.name).filter(name => on.has(name)));
    }});
    return make("label", {className: "sign"}, box, make("span", {}, sign.says), make("small", {}, sign.row));
  }));
  of("questions").append(...table.facts.filter(fact => fact.kind !== "signals").map(question));
  of("all").onchange = () => of("questions").classList.toggle("every", of("all").checked);
  of("form").onsubmit = event => event.preventDefault();

  // The answer

  const fill = (id, items, title) => {
    const part = of(id);
    part.hidden = !items.length;
    part.querySelector("ul, ol").replaceChildren(...items);
    if (title) part.querySelector("h3").replaceChildren(...title);
  };
  const line = (mark, kind, ...inside) => make("li", {}, make("span", {className: kind}, mark), make("span", {}, ...inside));
  const dollars = ([low, high]) => low === high ? `$${number(Math.round(low))}` : `$${number(Math.round(low))} to ${number(Math.round(high))}`;
  const cost = one => [
    one.build ? `${dollars(one.build)} to build` : null, one.month ? `${dollars(one.month)} a month to keep` : null,
    one.payback_months ? `paid back in ${one.payback_months.map(m => m.toFixed(1)).join(" to ")} months` : null,
    one.pays_from ? `pays from ${one.pays_from.map(n => number(Math.round(n))).join(" to ")} requests a day` : null,
  ].filter(Boolean).join(", ");

  const ladder = (taken, heads) => Object.values(table.levers).filter(lever => lever.weight).map(lever => make("i", {
    title: lever.title, className: taken.includes(lever.name) ? "taken" : heads.includes(lever.name) ? "later" : "",
  }));
  const steps = found => found.steps.map(step => make("div", {className: "step"},
    found.steps.length > 1 ? make("p", {className: "name"}, table.levers[step.lever].title) : null,
    make("p", {}, rows[step.row].next + "."),
    make("p", {className: "because"}, `${rows[step.row].why}. `, make("small", {}, `${section(rows[step.row].source)}, ${step.row}`))));
  const terms = found => {
    const lever = table.levers[found.lever];
    return [
      ["First result", lever.result], ["Upkeep", lever.upkeep], ["Owner", lever.owner],
      ...found.money.map(one => [
        found.steps.some(step => step.lever === one.lever) ? "Cost" : "Later", `${table.levers[one.lever].title}: ${cost(one)}`]),
      ...lever.notes.map(note => ["Mind", `${note.text} (${section(note.source)})`]),
    ].map(([name, words]) => make("div", {}, make("dt", {}, name), make("dd", {}, words)));
  };
  const measure = found => found.measure.slice(0, 5).map(name => make("li", {}, make("button", {type: "button", onclick: () => {
    const place = of(name === "signals" ? "signs" : "q-" + name);
    place.scrollIntoView({block: "center"});
    place.querySelector("input, select")?.focus({preventScroll: true});
  }}, facts_by[name].ask)));
  const gates = found => found.gates.map((gate, at) => {
    const door = table.doors[found.approach][at];
    const [mark, kind] = gate.held === null ? ["?", "open"] : gate.held ? ["✓", "yes"] : ["✕", "no"];
    return line(mark, kind, make("b", {}, gate.name), gate.held ? "" : `: ${door.needed} `, gate.held ? "" : make("small", {}, section(door.source)));
  });
  const avoid = found => found.avoid.map(name => {
    const wrong = table.avoid.find(one => one.name === name);
    return line("✕", "no", make("b", {}, wrong.lever), `: ${wrong.why} `, make("small", {}, section(wrong.source)));
  });
  const changes = found => found.changes.slice(0, 5).map(change => {
    const fact = facts_by[change.fact], titles = change.levers.map(lever => table.levers[lever].title).join(" and ");
    return line("↔", "soft", `${fact.ask} `, make("b", {}, shown(fact, change.value)), `: ${titles}`);
  });
  const command = () => ["suffice decide", ...Object.entries(facts).filter(([, v]) => !Array.isArray(v) || v.length).map(
    ([name, v]) => `${name}=${Array.isArray(v) ? v.join(",") : typeof v === "boolean" ? (v ? "yes" : "no") : v}`)].join(" ");

  function answer() {
    const found = decide(facts, table);
    const taken = found.steps.map(step => step.lever), heads = found.steps.map(step => step.heads_to);
    of("lever").textContent = table.levers[found.lever].title;
    of("ladder").replaceChildren(...ladder(taken, heads));
    of("steps").replaceChildren(...steps(found));
    of("terms").replaceChildren(...terms(found));
    const left = found.measure.length - 5;
    fill("measure", measure(found), ["Measure first", left > 0 ? make("small", {}, `and ${left} more`) : ""]);
    const held = found.gates.filter(gate => gate.held).length;
    fill("gates", gates(found), ["Gates before tuning", make("small", {}, `${held} of ${found.gates.length} hold`)]);
    fill("avoid", avoid(found));
    fill("changes", changes(found));
    of("command").textContent = command();
    const open = new Set(found.measure);
    for (const fact of table.facts.filter(one => one.kind !== "signals")) {
      const place = of("q-" + fact.name), said = (facts[fact.name] ?? null) !== null;
      const here = place.contains(document.activeElement);
      place.classList.toggle("next", !said && open.has(fact.name));
      place.classList.toggle("idle", !said && !open.has(fact.name) && !here);
    }
    of("quiet").hidden = open.size > 0;
    document.body.dataset.answer = JSON.stringify(found);
  }
  answer();
}
