"use strict";
// Steps through both passes of the graph, and computes it again when a leaf is set to another number.
//
// Above stand `graph`, with its nodes in topological order, and `table`, the rows that they use, each as
// [forward, ∂out/∂a, ∂out/∂b], all of them functions of (out, a, b). The table is empty where a row has no JavaScript:
// the numbers stay as recorded then.
// A number that does not exist, like log(−2), is NaN in here and "undefined" on the page.

// ------------------------------------------------------------------------------------------- what the rows may call

const {abs, cos, exp, log, sign, sin, sqrt, tanh} = Math, inf = Infinity, nan = NaN;
const sigmoid = a => (a >= 0 ? 1 : exp(a)) / (1 + exp(-abs(a)));
const softplus = a => Math.max(a, 0) + Math.log1p(exp(-abs(a)));
const relu = a => Math.max(a, 0);
const step = a => a > 0 ? 1 : 0;
const log_0 = a => a === 0 ? 0 : log(a);
const base_rule = (a, b) => b === 0 ? 0 : b * a ** (b - 1);
const exponent_rule = (out, a, b) => a === 0 ? 0 : out * log(a);

// ----------------------------------------------------------------------------------------------- the graph, computed

const nodes = graph.nodes, output = nodes.length - 1;
const isLeaf = node => nodes[node].rule === null;
const leaves = [...nodes.keys()].filter(isLeaf);
const operations = [...nodes.keys()].filter(node => !isLeaf(node));
const steps = [
  ...operations.map(node => ({pass: "forward", node})),
  {pass: "seed", node: output},
  ...[...operations].reverse().map(node => ({pass: "backward", node})),
];
const computedAt = nodes.map((_, node) => operations.indexOf(node) + 1); // the step that gives its value; a leaf has it

/** The number of every node, where the leaves have these numbers. */
function forwardPass(leafNumbers) {
  const values = [...leafNumbers];
  for (const node of operations) values[node] = apply(table[nodes[node].rule][0], null, operandNumbers(node, values));
  return values;
}

/** The local derivative of every node with respect to each of its operands. */
function localDerivatives(values) {
  return nodes.map(({rule, operands}, node) => operands.map((_, position) =>
    apply(table[rule][1 + position], values[node], operandNumbers(node, values))));
}

const operandNumbers = (node, values) => nodes[node].operands.map(operand => operand.constant ?? values[operand.node]);

const apply = (rule, out, operands) => [out, ...operands].some(Number.isNaN) ? NaN : finite(rule(out, ...operands));

const finite = number => Number.isFinite(number) ? number : NaN;

/** Backpropagation: every contribution to a gradient, upstream × local derivative, one operand at a time. */
function backwardPass(values, partials) {
  const gradients = nodes.map(() => undefined), contributions = [];
  gradients[output] = Number.isNaN(values[output]) ? NaN : 1;
  steps.forEach(({pass, node}, stepsBefore) => {
    if (pass !== "backward") return;
    nodes[node].operands.forEach(({node: operand}, position) => {
      if (operand === undefined) return; // a plain number has no gradient
      const upstream = gradients[node], partial = partials[node][position], before = gradients[operand];
      const product = finite(upstream * partial), after = before === undefined ? product : finite(before + product);
      gradients[operand] = after;
      contributions.push({step: stepsBefore + 1, node, position, operand, upstream, partial, product, before, after});
    });
  });
  return {gradients, contributions};
}

/** All numbers of the graph: computed for these leaves, or those that were recorded. */
function numbersFor(leafNumbers) {
  const moved = leaves.some(leaf => leafNumbers[leaf] !== nodes[leaf].value);
  const values = moved ? forwardPass(leafNumbers) : nodes.map(node => node.value);
  const partials = moved ? localDerivatives(values) : nodes.map(node => node.operands.map(operand => operand.partial));
  return {values, partials, ...backwardPass(values, partials)};
}

// --------------------------------------------------------------------------------------------------- what readers do

const state = {
  at: 0, // the step that is shown, counted from 1; 0 before the first
  covered: false, // is the result of that step still to be found by the reader?
  selected: null, // the node whose sum is shown
  leafNumbers: [], // the number of each leaf, in the place of its node
  ranges: [], // {low, high} of its slider, likewise
  numbers: null, // what numbersFor(leafNumbers) gave
  trained: new Set(graph.parameters), // the leaves that Descend changes
  path: [], // {leafNumbers, cost} of every place that descent has been to, the present one last
};

function goTo(number) {
  state.at = Math.max(0, Math.min(steps.length, number));
  state.covered = false;
  showStep();
  follow();
}

/** One step on. Whoever wants to be asked sees the step covered first, and the next → uncovers it. */
function goOn() {
  if (state.covered) state.covered = false;
  else if (state.at < steps.length) {
    state.at += 1;
    state.covered = find("#ask").checked;
  }
  showStep();
  follow();
}

function select(node) {
  state.selected = node === state.selected ? null : node;
  showStep();
}

function reset() {
  state.ranges = nodes.map(({value}) => {
    const reach = Math.max(2, 2 * abs(value));
    return {low: value - reach, high: value + reach};
  });
  setLeaves(nodes.map(node => node.rule === null ? node.value : undefined), []);
}

function setLeaf(leaf, number) {
  if (Number.isFinite(number)) setLeaves(Object.assign([...state.leafNumbers], {[leaf]: number}), []);
}

/** One step of gradient descent: each trained leaf goes against its gradient. */
function descend() {
  const rate = Number(find("#rate").value), moved = [...state.leafNumbers];
  for (const leaf of state.trained) moved[leaf] -= rate * state.numbers.gradients[leaf];
  if (leaves.every(leaf => Number.isFinite(moved[leaf]))) setLeaves(moved, state.path);
}

function setLeaves(leafNumbers, path) {
  state.leafNumbers = leafNumbers;
  state.numbers = numbersFor(leafNumbers);
  state.path = [...path, {leafNumbers, cost: state.numbers.values[output]}];
  for (const leaf of leaves) {
    const range = state.ranges[leaf];
    range.low = Math.min(range.low, leafNumbers[leaf]);
    range.high = Math.max(range.high, leafNumbers[leaf]);
  }
  showStep();
  showPlay();
}

// ------------------------------------------------------------------------------------------------- how things are said

/** A number as the picture has it: four digits, and a true minus. */
function figure(number) {
  if (Number.isNaN(number)) return "undefined";
  const [digits, exponent] = fourDigits(number).split("e");
  const text = -5 < exponent && exponent < 4
    ? String(Number(`${digits}e${exponent}`))
    : `${Number(digits)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  return text.replaceAll("-", "−");
}

/** Like toExponential(3), but a number in the middle between two goes to the even digit, as in Python. */
function fourDigits(number) {
  const middle = /^(-?\d\.\d\d[02468])50*(e.*)$/.exec(number.toExponential(60));
  return middle ? middle[1] + middle[2] : number.toExponential(3);
}

/** A number with more digits, for fields and costs. */
const precise = (number, digits) => String(Number(number.toPrecision(digits)));

/** A number behind a sign. */
const factor = number => number < 0 ? `(${figure(number)})` : figure(number);

/** The formula of a node with the numbers of its operands: "0.5 · 3". */
function inNumbers(node) {
  const numbers = nodes[node].operands.filter(each => "node" in each).map(each => state.numbers.values[each.node]);
  return nodes[node].slots.replace(/\{\}/g, (slot, start, whole) => {
    const before = whole.slice(0, start), after = whole.slice(start + slot.length);
    const isFree = /(^|\(|, )$/.test(before) && !/^(²|³| \*\*)/.test(after);
    return (isFree ? figure : factor)(numbers.shift());
  });
}

/** What cannot be computed at these numbers, as a sentence; "" where all can. */
function problem() {
  const node = state.numbers.gradients.findIndex(Number.isNaN);
  return operations.map(problemAt).find(Boolean) ?? (node < 0 ? "" : `${nodes[node].gradient} is too large.`);
}

function problemAt(node) {
  const {values, partials} = state.numbers, {name, formula, operands} = nodes[node];
  if (operandNumbers(node, values).some(Number.isNaN)) return "";
  if (Number.isNaN(values[node])) return `${name} = ${formula}: ${inNumbers(node)} cannot be computed.`;
  const missing = operands.find((operand, position) => "node" in operand && Number.isNaN(partials[node][position]));
  if (!missing) return "";
  return `${missing.derivative} = ${missing.formula} cannot be computed at ${name} = ${inNumbers(node)}.`;
}

function kind(node) {
  if (node === output) return "output";
  if (!isLeaf(node)) return "operation";
  return !graph.parameters.length ? "leaf" : graph.parameters.includes(node) ? "parameter" : "data";
}

// ------------------------------------------------------------------------------------------------ elements of the page

const find = selector => document.querySelector(selector);

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Let an element say these pieces, each a text or [class, text]. No text becomes markup. */
function say(element, ...pieces) {
  const told = JSON.stringify(pieces);
  if (element.told === told) return element; // most numbers of a large picture stay from step to step
  element.told = told;
  element.replaceChildren(...pieces.map(piece => {
    if (typeof piece === "string") return piece;
    const part = document.createElementNS(element.namespaceURI, element instanceof SVGElement ? "tspan" : "span");
    part.setAttribute("class", piece[0]);
    part.textContent = piece[1];
    return part;
  }));
  return element;
}

const line = (...pieces) => say(make("p"), ...pieces);

// -------------------------------------------------------------------------------------------------------- the picture

const picture = find("#picture"), svg = picture.querySelector("svg");
const {cards, arrows} = svg ? findPlaces() : growTree();

/** Where in the picture the numbers stand: of a node on its card, of a local derivative on its arrow. */
function findPlaces() {
  const {width, height} = svg.viewBox.baseVal;
  document.body.style.setProperty("--width", `${width}px`);
  document.body.style.setProperty("--ratio", width / height);
  document.body.classList.toggle("wide", width > 800 && width > height);
  const groups = {}; // by their titles, n3 and n3->n5, since dot draws them in an order of its own
  for (const title of svg.querySelectorAll("title")) {
    (groups[title.textContent] ??= []).push(title.parentNode);
    title.remove(); // or it would pop up over the card
  }
  return {
    cards: nodes.map((_, node) => card(groups[`n${node}`][0])),
    arrows: nodes.map(({operands}, node) => operands.map((operand, position) =>
      "node" in operand && arrow(groups[`n${operand.node}->n${node}`], position))),
  };
}

function card(group) {
  const across = points(group.querySelector("path").getAttribute("d")).map(([x]) => x);
  const middle = (Math.min(...across) + Math.max(...across)) / 2;
  const value = group.querySelector("text.value"), [gradient, ...more] = group.querySelectorAll("text.gradient");
  more.forEach(text => text.remove());
  return {element: group, value: centred(value, middle), gradient: centred(gradient, middle)};
}

function arrow(groups, position) {
  const mark = ["(1st)", "(2nd)"][position]; // x * x has two arrows from x
  const isMarked = group => group.querySelector("text").textContent.trim().endsWith(mark);
  const group = groups.length === 1 ? groups[0] : groups.find(isMarked);
  const [, number, blank] = group.querySelectorAll("text"); // the blank line of the label stands in its middle
  const line = group.querySelector("path"), head = group.querySelector("polygon");
  // For the way back the line goes on to where the head ended, and has its own head at the other end.
  const end = points(line.getAttribute("d")).at(-1);
  const distance = point => Math.hypot(point[0] - end[0], point[1] - end[1]);
  const tip = points(head.getAttribute("points")).reduce((a, b) => distance(a) > distance(b) ? a : b);
  const back = line.cloneNode();
  back.setAttribute("d", `${line.getAttribute("d")}L${tip}`);
  back.setAttribute("class", "back");
  line.before(back);
  return {element: group, number: centred(number, blank.getAttribute("x"))};
}

function points(text) {
  return text.match(/-?[\d.]+,-?[\d.]+/g).map(pair => pair.split(",").map(Number));
}

/** A text whose length changes, held at its middle: dot holds all texts at their left ends. */
function centred(text, middle) {
  text.setAttribute("text-anchor", "middle");
  text.setAttribute("x", middle);
  return text;
}

/** Without a picture: the graph as a tree, a row for each node, below it what it was computed from. */
function growTree() {
  const cards = [], arrows = nodes.map(() => []), tree = picture.appendChild(make("div", {className: "tree"}));
  const pending = [{node: output, branch: "", indent: ""}];
  while (pending.length) {
    const {node, branch, indent, user, position} = pending.pop(), {name, formula, operands} = nodes[node];
    const isNew = !(node in cards), text = isNew ? formula ? ` = ${formula}` : "" : " (above)";
    const row = treeRow(branch + name + text, user === undefined ? "" : nodes[user].operands[position].derivative);
    tree.append(row.element);
    if (user !== undefined) arrows[user][position] = row.arrow;
    if (!isNew) continue;
    cards[node] = row;
    let corner = "└─ ", side = "   ";
    for (let position = operands.length - 1; position >= 0; position--) {
      const below = operands[position].node;
      if (below === undefined) continue;
      pending.push({node: below, branch: indent + corner, indent: indent + side, user: node, position});
      [corner, side] = ["├─ ", "│  "];
    }
  }
  return {cards, arrows};
}

function treeRow(text, derivative) {
  const value = make("span", {className: "value"}), gradient = make("span", {className: "gradient"});
  const number = make("b"), cell = make("span", {className: "derivative"}, derivative && `${derivative} = `, number);
  const element = make("div", {className: "row"}, make("span", {className: "text"}, text), value, gradient, cell);
  return {element, value, gradient, arrow: {element: cell, number}};
}

function prepareCards() {
  cards.forEach(({element}, node) => {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
    element.addEventListener("click", () => select(node));
    element.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      select(node);
    });
  });
}

function showPicture(moment, now) {
  const {values, partials} = state.numbers;
  nodes.forEach((node, i) => {
    const {element, value, gradient} = cards[i], known = computedAt[i] <= moment.stepsDone;
    if (!known) say(value, ["unknown", "?"]);
    else if (Number.isNaN(values[i])) say(value, ["error", problemAt(i) ? `${inNumbers(i)}: error` : "undefined"]);
    else say(value, figure(values[i]));
    say(gradient, ...gradientPieces(i, moment));
    element.classList.toggle("lit", now.node === i);
    element.classList.toggle("selected", state.selected === i);
    element.setAttribute("aria-pressed", state.selected === i);
    element.setAttribute("aria-label", `${node.name}, ${kind(i)}: value ${value.textContent}, ${gradient.textContent}`);
    arrows[i].forEach((arrow, position) => {
      if (!arrow) return;
      say(arrow.number, known ? figure(partials[i][position]) : "?");
      arrow.element.classList.toggle("lit", now.node === i && now.pass !== "seed");
      arrow.element.classList.toggle("backward", now.pass === "backward");
    });
  });
}

function gradientPieces(node, {gradients, unfinished}) {
  const {gradient} = nodes[node];
  if (gradients[node] === undefined) return [["unknown", `${gradient} = ?`]];
  const number = ["strong", figure(gradients[node])];
  return unfinished.has(node) ? [number, " so far"] : [`${gradient} = `, number];
}

/** Scroll the picture, if need be, until the card of the step stands in its middle. */
function follow() {
  if (!state.at) return;
  const {element} = cards[steps[state.at - 1].node], card = element.querySelector(".text") ?? element;
  const outer = picture.getBoundingClientRect(), inner = card.getBoundingClientRect();
  const isInside = outer.left <= inner.left && inner.right <= outer.right
    && outer.top <= inner.top && inner.bottom <= outer.bottom;
  const right = (inner.left + inner.right - outer.left - outer.right) / 2;
  const down = (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
  if (!isInside) picture.scrollBy(right, down);
}

// ------------------------------------------------------------------------------------------------------------ the step

const COVER = ["cover", "?"];

function showStep() {
  const moment = momentAfter(state.covered ? state.at - 1 : state.at), now = steps[state.at - 1] ?? {pass: "start"};
  const writers = {start: startLines, forward: forwardLines, seed: seedLines, backward: backwardLines};
  const lines = writers[now.pass](now.node);
  if (state.covered) lines.push(line("Find what is covered, then press →."));
  showPicture(moment, now);
  const heading = state.at ? `Step ${state.at} of ${steps.length}: ${now.pass}` : "The start";
  find("#step").replaceChildren(make("h2", {}, heading), ...lines);
  find("#sum").hidden = state.selected === null;
  if (state.selected !== null) find("#sum").replaceChildren(...sumLines(state.selected, moment));
  find("#slider").value = state.at;
  find("#position").value = `${state.at} / ${steps.length}`;
  find("#back").disabled = state.at === 0;
  find("#next").disabled = state.at === steps.length && !state.covered;
}

/** The gradients after so many steps, undefined where there is none yet, and which of them are still to grow. */
function momentAfter(stepsDone) {
  const gradients = nodes.map(() => undefined), unfinished = new Set();
  if (stepsDone > operations.length) gradients[output] = state.numbers.gradients[output];
  for (const {step, operand, after} of state.numbers.contributions) {
    if (step <= stepsDone) gradients[operand] = after;
    else unfinished.add(operand);
  }
  return {stepsDone, gradients, unfinished};
}

const result = (className, number) => state.covered ? COVER : [className, figure(number)];

function startLines() {
  return [line("The leaves have their numbers. Forward, every operation gets its value; "
    + "then backward, every card gets its gradient.")];
}

function forwardLines(node) {
  const {name, formula, operands} = nodes[node];
  const value = state.numbers.values[node];
  if (Number.isNaN(value)) return [line(["strong", name], ` = ${formula} has no value.`), line(problem())];
  return [
    line(["strong", name], ` = ${formula}`),
    line(`= ${inNumbers(node)} = `, result("value", value)),
    ...state.covered ? [] : [...operands.keys()].flatMap(position => derivativeLines(node, position)),
  ];
}

function seedLines(node) {
  return [
    line(["gradient", nodes[node].gradient], " = ", result("gradient", state.numbers.gradients[node])),
    line(`${nodes[node].name} changes with itself one to one. From here the gradient flows back.`),
  ];
}

function backwardLines(node) {
  const {name, formula, gradient} = nodes[node], {gradients, contributions} = state.numbers;
  if (Number.isNaN(gradients[node])) return [line(["strong", name], ` = ${formula} has no gradient.`), line(problem())];
  return [
    line(["strong", name], ` = ${formula}: its gradient `, ["gradient", `${gradient} = ${figure(gradients[node])}`],
      " is complete. Multiplied by the local derivative, it is added to that of each operand."),
    ...contributions.filter(each => each.step === state.at).map(each => make("div", {className: "contribution"},
      line(["gradient", nodes[each.operand].gradient], " += ", ...chain(each)),
      line("= ", ...product(each.upstream, each.partial, figure), " = ", result("gradient", each.product)),
      ...beforeLines(each),
      ...derivativeLines(node, each.position))),
  ];
}

function beforeLines({before, after, operand, step}) {
  if (before === undefined) return [];
  const isLast = !state.numbers.contributions.some(each => each.operand === operand && each.step > step);
  return [line(`was ${figure(before)}, now `, result("gradient", after), isLast ? "" : " so far")];
}

/** "∂ŷ/∂z = ŷ · (1 − ŷ) = 0.02845" */
function derivativeLines(node, position) {
  const {derivative, formula} = nodes[node].operands[position];
  if (derivative === undefined) return [];
  const number = figure(state.numbers.partials[node][position]);
  return [line(["derivative", derivative], ` = ${formula}`, formula === number ? "" : ` = ${number}`)];
}

/** "∂C/∂ŷ × ∂ŷ/∂z" */
const chain = ({node, position}) =>
  [["gradient", nodes[node].gradient], " × ", ["derivative", nodes[node].operands[position].derivative]];

/** "0.9707 × 0.02845", with a question mark for what is not known yet. */
const product = (upstream, partial, write) =>
  [known("gradient", upstream, write), " × ", known("derivative", partial, factor)];

const known = (className, number, write) => number === undefined ? ["unknown", "?"] : [className, write(number)];

/** The gradient of a node as a sum, with a term for each arrow that leaves its card. */
function sumLines(node, {stepsDone, gradients, unfinished}) {
  const {name, gradient} = nodes[node], heading = make("h2", {}, `The gradient of ${name}`);
  if (node === output) return [heading, line(["gradient", `${gradient} = 1`], ": here the backward pass begins")];
  const terms = state.numbers.contributions.filter(each => each.operand === node);
  const isComputed = each => computedAt[each.node] <= stepsDone, isDone = each => each.step <= stepsDone;
  const sum = write => terms.flatMap((each, i) => [i ? " + " : "= ", ...write(each, i)]);
  const numbers = (each, i) => product(
    isDone(each) ? each.upstream : undefined, isComputed(each) ? each.partial : undefined, i ? factor : figure);
  return [
    heading,
    line(["gradient", gradient], " ", ...sum(chain)),
    line(...sum(numbers)),
    line("= ", known("gradient", gradients[node], figure), terms.some(isDone) && unfinished.has(node) ? " so far" : ""),
    ...terms.filter(isComputed).flatMap(each => derivativeLines(each.node, each.position)),
  ];
}

// ------------------------------------------------------------------------------------------------------- other numbers

const rows = new Map(); // of each leaf: its slider and its field

function prepareLeaves() {
  const disabled = graph.own.length > 0;
  for (const leaf of leaves) {
    const {name} = nodes[leaf];
    const slider = make("input", {type: "range", disabled, ariaLabel: name});
    const field = make("input", {type: "number", step: "any", disabled, ariaLabel: name});
    const trained = make("input", {type: "checkbox", disabled, ariaLabel: `descend along ${name}`});
    slider.oninput = () => setLeaf(leaf, slider.valueAsNumber);
    field.oninput = () => setLeaf(leaf, field.valueAsNumber);
    field.onblur = showPlay;
    trained.checked = state.trained.has(leaf);
    trained.oninput = () => {
      state.trained[trained.checked ? "add" : "delete"](leaf);
      showPlay();
    };
    find("#leaves").append(make("b", {}, name), slider, field, trained);
    rows.set(leaf, {slider, field});
  }
}

function showPlay() {
  const {gradients} = state.numbers, isStuck = [...state.trained].some(leaf => Number.isNaN(gradients[leaf]));
  for (const [leaf, {slider, field}] of rows) {
    const {low, high} = state.ranges[leaf], number = state.leafNumbers[leaf];
    Object.assign(slider, {min: low, max: high, step: (high - low) / 400, value: number});
    if (document.activeElement !== field) field.value = precise(number, 6);
  }
  find("#problem").textContent = graph.own.length
    ? `${graph.own.join(", ")}: not a row of the table, so the page cannot compute it. The numbers stay as recorded.`
    : problem();
  find("#descend").disabled = graph.own.length > 0 || isStuck || !state.trained.size;
  find("#reset").disabled = graph.own.length > 0;
  showCurve();
  showMap();
}

const keys = {
  ArrowRight: goOn,
  ArrowLeft: () => goTo(state.at - 1),
  Home: () => goTo(0),
  End: () => goTo(steps.length),
};

function prepareControls() {
  find("#slider").max = steps.length;
  find("#slider").oninput = event => goTo(event.target.valueAsNumber);
  find("#back").onclick = keys.ArrowLeft;
  find("#next").onclick = keys.ArrowRight;
  find("#reset").onclick = reset;
  holdToRepeat(find("#descend"), descend);
  document.onkeydown = event => {
    const isTaken = event.ctrlKey || event.altKey || event.metaKey
      || event.target.matches("#play input:not([type=checkbox])");
    if (isTaken || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  };
  onhashchange = () => goTo(parseInt(location.hash.slice(1)) || 0);
}

function holdToRepeat(button, action) {
  let timer;
  const stop = () => clearTimeout(timer);
  const repeat = () => {
    if (button.disabled) return; // then no event would stop it
    action();
    timer = setTimeout(repeat, 40);
  };
  button.onclick = action;
  button.onpointerdown = () => { timer = setTimeout(repeat, 400); };
  button.onpointerup = button.onpointerleave = button.onpointercancel = stop;
}

// ---------------------------------------------------------------------------------------------------------- the charts

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** An empty chart, with axes of {name, low, high}. Gives what turns numbers into places on it. */
function chart(svg, across, up) {
  const label = (x, y, anchor, text) => shape("text", {x, y, "text-anchor": anchor}, text);
  svg.replaceChildren(
    shape("rect", {class: "frame", x: 60, y: 10, width: 230, height: 190}),
    label(60, 216, "start", figure(across.low)),
    label(175, 216, "middle", across.name),
    label(290, 216, "end", figure(across.high)),
    label(55, 199, "end", figure(up.low)),
    label(55, 109, "end", up.name),
    label(55, 20, "end", figure(up.high)),
  );
  return {
    x: number => 60 + 230 * (number - across.low) / (across.high - across.low),
    y: number => 200 - 190 * (number - up.low) / (up.high - up.low),
  };
}

function drawPath(svg, places) {
  svg.append(
    shape("polyline", {class: "path", points: places.join(" ")}),
    shape("circle", {class: "here", cx: places.at(-1)[0], cy: places.at(-1)[1], r: 5}),
  );
}

/** The cost after each step of descent. */
function showCurve() {
  const costs = state.path.map(({cost}) => cost).filter(Number.isFinite), done = costs.length - 1;
  find("#curve").hidden = done < 0 || !state.trained.size || graph.own.length > 0;
  if (find("#curve").hidden) return;
  const {name} = nodes[output], low = Math.min(0, ...costs), high = Math.max(low + 1e-9, ...costs);
  const svg = find("#curve svg"), across = {name: "steps", low: 0, high: Math.max(1, done)};
  const {x, y} = chart(svg, across, {name, low, high});
  drawPath(svg, costs.map((cost, i) => [x(i), y(cost)]));
  find("#curve figcaption").textContent = done ? costsInWords(costs, done) : descentInWords();
}

function costsInWords(costs, done) {
  const rises = costs.filter((cost, i) => cost - costs[i - 1] > 1e-9 * abs(cost)).length;
  return `After ${done} steps: ${nodes[output].name} = ${precise(costs[done], 7)}.`
    + (rises ? ` It rose in ${rises} of them: the learning rate was too large there.` : "");
}

function descentInWords() {
  const {name, gradient} = nodes[[...state.trained][0]];
  return `Each step: ${name} ← ${name} − η · ${gradient}`;
}

/** The cost over the two trained leaves, the way that descent has taken, and the direction it takes next. */
function showMap() {
  const [a, b] = [...state.trained].sort((a, b) => a - b);
  find("#map").hidden = state.trained.size !== 2 || graph.own.length > 0;
  if (find("#map").hidden) return;
  const across = {name: nodes[a].name, ...state.ranges[a]}, up = {name: nodes[b].name, ...state.ranges[b]};
  const svg = find("#map svg"), {x, y} = chart(svg, across, up), {gradients} = state.numbers;
  svg.append(levels(a, b, across, up));
  const places = state.path.map(({leafNumbers}) => [x(leafNumbers[a]), y(leafNumbers[b])]);
  drawPath(svg, places);
  const [here, along, upward] = [places.at(-1), gradients[a] * (x(0) - x(1)), gradients[b] * (y(0) - y(1))];
  const scale = 35 / Math.hypot(along, upward);
  if (Number.isFinite(scale)) {
    svg.append(shape("line", {
      class: "downhill", x1: here[0], y1: here[1], x2: here[0] + scale * along, y2: here[1] + scale * upward,
    }));
  }
  find("#map figcaption").textContent =
    `The stronger the colour, the higher ${nodes[output].name}. The arrow points downhill, against the gradient.`;
}

let painted = {}; // the levels last painted: they stay as long as only the two leaves move, within the ranges

function levels(a, b, across, up) {
  const others = state.leafNumbers.filter((_, leaf) => leaf !== a && leaf !== b);
  const key = JSON.stringify([across, up, others]);
  if (painted.key !== key) {
    const href = paint(a, b, across, up);
    painted = {key, image: shape("image", {x: 60, y: 10, width: 230, height: 190, preserveAspectRatio: "none", href})};
  }
  return painted.image;
}

/** Twelve levels of the cost, each as large as the others, as a picture. */
function paint(a, b, across, up) {
  const size = Math.min(80, Math.floor(sqrt(2e5 / nodes.length)));
  const canvas = make("canvas", {width: size, height: size}), pen = canvas.getContext("2d");
  const costs = Array.from({length: size * size}, (_, cell) => {
    const there = [...state.leafNumbers], column = cell % size + 0.5, row = Math.floor(cell / size) + 0.5;
    there[a] = across.low + column / size * (across.high - across.low);
    there[b] = up.high - row / size * (up.high - up.low);
    return forwardPass(there)[output];
  });
  const sorted = Float64Array.from(costs.filter(Number.isFinite)).sort();
  const borders = Array.from({length: 11}, (_, i) => sorted[Math.floor((i + 1) * sorted.length / 12)]);
  pen.fillStyle = getComputedStyle(find("#map")).color;
  costs.forEach((cost, cell) => {
    pen.globalAlpha = Number.isNaN(cost) ? 0 : 0.05 + 0.06 * borders.filter(border => border < cost).length;
    pen.fillRect(cell % size, Math.floor(cell / size), 1, 1);
  });
  return canvas.toDataURL();
}

// -------------------------------------------------------------------------------------------------------------- begin

prepareCards();
prepareLeaves();
prepareControls();
reset();
onhashchange();
