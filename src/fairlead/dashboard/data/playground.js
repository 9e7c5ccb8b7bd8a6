// Playground: see the decision, run up to four models side by side, stop them, vote. Whatever a model says becomes a
// text node; nothing here ever makes markup of data.

const form = document.getElementById("playground");
const lanes = [...document.querySelectorAll("[data-lane]")];
const status = document.getElementById("play-status");
const decision = document.getElementById("play-decision");
const stopButton = form.querySelector("[data-do=stop]");
const runButton = form.querySelector("[data-do=run]");
const decideButton = form.querySelector("[data-do=decide]");

const MOST_LINE_CHARS = 4_000_000; // of one event: more is no stream of ours
const TABLE_ROWS = 8;
let running = [];
let deciding = null;

function make(tag, words, className) {
  const found = document.createElement(tag);
  if (words !== undefined && words !== null) found.textContent = String(words);
  if (className) found.className = className;
  return found;
}

function say(words) {
  status.textContent = words;
}

function post(path, value, signal) {
  return fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-fairlead-form": document.body.dataset.formToken ?? "" },
    body: JSON.stringify(value),
    signal,
  });
}

async function refusal(response) {
  let message = `The server answered ${response.status}.`;
  try {
    const said = await response.json();
    message = said.error?.message ?? (typeof said.error === "string" ? said.error : message);
  } catch {
    // Not JSON: the status has to do.
  }
  return message;
}

// --- numbers

function usd(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "$0";
  return value >= 1 ? `$${value.toFixed(2)}` : `$${value.toPrecision(3)}`.replace(/e.*$/, (e) => ` × 10^${e.slice(1)}`);
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function seconds(value) {
  return value >= 1 ? `${value.toFixed(1)} s` : `${Math.round(1000 * value)} ms`;
}

// --- what is asked

function asked(model) {
  const messages = [];
  const system = form.elements.system.value;
  if (system.trim()) messages.push({ role: "system", content: system });
  messages.push({ role: "user", content: form.elements.prompt.value });
  const body = { model, messages };
  const most = Number.parseInt(form.elements.max_tokens.value, 10);
  if (most > 0) body.max_tokens = most;
  return body;
}

function chosen() {
  return lanes
    .map((lane, place) => ({ lane, model: form.elements[`model${place}`].value.trim() }))
    .filter((each) => each.model);
}

function isReady() {
  if (!form.elements.prompt.value.trim()) {
    say("Write a prompt first.");
    form.elements.prompt.focus();
    return false;
  }
  return true;
}

// --- the decision

async function decide() {
  if (!isReady()) return;
  const first = chosen()[0];
  if (!first) return say("Choose a model first: auto decides.");
  deciding?.abort();
  deciding = new AbortController();
  say("Deciding…");
  try {
    const response = await post("/ui/run/route", asked(first.model), deciding.signal);
    if (!response.ok) return say(await refusal(response));
    showDecision(await response.json(), first.model);
    say("Decided. Nothing was sent to a model.");
  } catch (error) {
    if (error.name !== "AbortError") say("The server could not be reached.");
  }
}

function showDecision(found, model) {
  decision.replaceChildren(make("h2", `Decision for ${model}`));
  const best = found.candidates[0];
  const headline = make("p");
  if (best) {
    headline.append("It would go to ", make("strong", best.model), ` at ${best.upstream}.`);
  } else {
    headline.append("Nobody may serve this.");
  }
  decision.append(headline, make("p", found.reason.text));
  const kinds = Object.entries(found.prompt.kinds).slice(0, 3);
  const traits = kinds.map(([kind, share]) => `${kind} ${percent(share)}`);
  traits.push(`difficulty ${found.prompt.difficulty.toFixed(1)}`, `about ${found.prompt.output_tokens} tokens of answer`);
  decision.append(make("p", `Read off the prompt: ${traits.join(", ")}.`, "soft"));
  if (found.candidates.length) decision.append(candidateTable(found.candidates));
  if (found.flips.length) {
    const list = make("ul");
    for (const flip of found.flips) list.append(make("li", `${flip.change} → ${flip.to}`));
    decision.append(make("h3", "What would change it"), list);
  }
  if (found.ineligible.length) {
    const list = make("ul");
    for (const each of found.ineligible.slice(0, 20)) list.append(make("li", `${each.model} at ${each.upstream}: ${each.why}`));
    const more = make("details");
    more.append(make("summary", `${found.ineligible.length} may not serve it`), list);
    decision.append(more);
  }
}

function candidateTable(candidates) {
  const frame = make("div", null, "scroller");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Candidates");
  const table = make("table");
  table.append(make("caption", "Candidates, best first"));
  const head = make("tr");
  for (const [name, isNumber] of [["model"], ["quality, 90 % sure", true], ["cost", true], ["time", true]]) {
    const cell = make("th", name, isNumber ? "n" : "");
    cell.scope = "col";
    head.append(cell);
  }
  const heads = make("thead");
  heads.append(head);
  const body = make("tbody");
  for (const each of candidates.slice(0, TABLE_ROWS)) {
    const row = make("tr");
    const name = make("th", each.model, "long");
    name.scope = "row";
    const { mean, low, high, basis } = each.quality;
    const quality = make("td", percent(mean), "n");
    quality.append(make("small", `${Math.round(100 * low)} to ${Math.round(100 * high)}, ${basis}`, "source"));
    row.append(
      name,
      quality,
      make("td", usd(each.cost_usd), "n"),
      make("td", seconds(each.total_s), "n"),
    );
    body.append(row);
  }
  table.append(heads, body);
  frame.append(table);
  if (candidates.length > TABLE_ROWS) {
    const rest = make("p", `${candidates.length - TABLE_ROWS} more stand below.`, "soft");
    const both = make("div");
    both.append(frame, rest);
    return both;
  }
  return frame;
}

// --- running

class Run {
  constructor(lane, model) {
    this.lane = lane;
    this.model = model;
    this.stopper = new AbortController();
    this.decisionId = null;
    this.served = null;
    this.began = performance.now();
    this.first = null;
    this.usage = null;
    this.cost = null;
    this.isWhole = false;
    this.ended = null;
    this.words = document.createTextNode("");
    this.thoughts = document.createTextNode("");
    this.part("answer").replaceChildren(this.words);
    this.part("thoughts").replaceChildren(this.thoughts);
    this.part("thinking").hidden = true;
    this.part("votes").hidden = true;
    this.part("facts").textContent = "";
    this.part("name").textContent = model;
    lane.hidden = false;
    lane.setAttribute("aria-busy", "true");
    this.note("waiting…");
  }

  part(name) {
    return this.lane.querySelector(`[data-part=${name}]`);
  }

  note(words, isFault = false) {
    const note = this.part("note");
    note.textContent = words;
    note.classList.toggle("fault", isFault);
  }

  async go() {
    try {
      const body = { ...asked(this.model), stream: true, stream_options: { include_usage: true } };
      const response = await post("/ui/run/chat", body, this.stopper.signal);
      this.decisionId = response.headers.get("x-fairlead-decision-id");
      if (!response.ok) throw new Error(await refusal(response));
      this.servedBy(response.headers.get("x-fairlead-model"));
      this.note("answering…");
      await this.read(response.body.getReader());
      this.isWhole = true;
      this.note(this.ended === "length" ? "cut off: the token limit was reached" : "whole");
    } catch (error) {
      if (this.isReplaced) return;
      if (error.name === "AbortError") this.note("stopped");
      else this.note(error.message || "the stream broke off", true);
    }
    this.lane.setAttribute("aria-busy", "false");
    this.showFacts();
    if (this.decisionId && (this.words.length || this.isWhole)) this.offerVote();
  }

  // Another run has begun since, and has this lane now.
  get isReplaced() {
    return !running.includes(this);
  }

  servedBy(model) {
    if (!model) return;
    this.served = model;
    this.part("name").textContent = model === this.model ? model : `${this.model} → ${model}`;
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let left = "";
    for (;;) {
      const { value, done } = await reader.read();
      left += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = left.split(/\r\n|\n/);
      left = done ? "" : lines.pop();
      for (const line of lines) this.line(line);
      if (done) return;
      if (left.length > MOST_LINE_CHARS) throw new Error("the stream has a line without an end");
    }
  }

  line(line) {
    if (line.startsWith(":")) {
      const cost = /x-fairlead-cost-usd=([0-9.]+)/.exec(line);
      if (cost) this.cost = Number(cost[1]);
      const served = /x-fairlead-model=(\S+)/.exec(line);
      if (served) this.servedBy(served[1]);
      return;
    }
    if (!line.startsWith("data:")) return;
    const data = line.slice(5).trim();
    if (!data || data === "[DONE]") return;
    const event = JSON.parse(data);
    if (event.error) throw new Error(event.error.message ?? "the upstream failed");
    if (event.usage) this.usage = event.usage;
    this.ended = event.choices?.[0]?.finish_reason ?? this.ended;
    const delta = event.choices?.[0]?.delta;
    if (!delta) return;
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (typeof thought === "string" && thought) {
      this.part("thinking").hidden = false;
      this.thoughts.appendData(thought);
    }
    if (typeof delta.content === "string" && delta.content) {
      this.first ??= performance.now();
      this.words.appendData(delta.content);
    }
  }

  showFacts() {
    const told = [];
    if (this.first !== null) told.push(`first word ${seconds((this.first - this.began) / 1000)}`);
    told.push(`all ${seconds((performance.now() - this.began) / 1000)}`);
    if (this.usage?.completion_tokens !== undefined) told.push(`${this.usage.completion_tokens} tokens`);
    if (this.cost !== null) told.push(usd(this.cost));
    const facts = this.part("facts");
    facts.textContent = told.join(" · ");
    if (this.decisionId) {
      const link = make("a", "why this model");
      link.href = `/ui/decisions/${encodeURIComponent(this.decisionId)}`;
      facts.append(" · ", link);
    }
  }

  offerVote() {
    const votes = this.part("votes");
    votes.hidden = false;
    for (const button of votes.querySelectorAll("button")) {
      button.disabled = false;
      button.setAttribute("aria-pressed", "false");
    }
  }

  async vote(button) {
    const word = button.dataset.vote;
    if (word === "best") return prefer(this);
    const opinion = { decision_id: this.decisionId, score: word === "good" ? 1 : 0, label: word };
    if (await sent(opinion)) this.marked(button);
  }

  marked(button) {
    for (const each of this.part("votes").querySelectorAll("button")) {
      if (each.dataset.vote !== "best" || button.dataset.vote === "best") each.setAttribute("aria-pressed", String(each === button));
    }
  }
}

async function sent(opinion) {
  try {
    const response = await post("/ui/run/feedback", opinion);
    if (response.ok) {
      say("Your opinion is kept.");
      return true;
    }
    say(await refusal(response));
  } catch {
    say("The server could not be reached.");
  }
  return false;
}

async function prefer(winner) {
  // Each answer gets one opinion: that the winner's model was preferred; the winner's own says so too.
  const model = winner.served ?? winner.model;
  let isKept = true;
  for (const run of running.filter((each) => each.decisionId)) {
    isKept = (await sent({ decision_id: run.decisionId, preferred_model: model.slice(0, 200), label: "side_by_side" })) && isKept;
  }
  if (!isKept) return;
  for (const run of running) {
    const best = run.part("votes").querySelector("[data-vote=best]");
    best.setAttribute("aria-pressed", String(run === winner));
  }
}

async function run() {
  if (!isReady()) return;
  const wanted = chosen();
  if (!wanted.length) return say("Choose at least one model.");
  stop();
  for (const lane of lanes) lane.hidden = true;
  running = wanted.map((each) => new Run(each.lane, each.model));
  const these = running;
  stopButton.disabled = false;
  say(`Running ${these.length} ${these.length === 1 ? "model" : "models"}…`);
  await Promise.all(these.map((each) => each.go()));
  if (these !== running) return; // another run has begun since
  stopButton.disabled = true;
  const n = these.filter((each) => each.isWhole).length;
  say(`${n} of ${these.length} answers are whole.`);
  const isContest = these.filter((each) => each.decisionId && each.words.length).length > 1;
  for (const each of these) each.part("votes").querySelector("[data-vote=best]").hidden = !isContest;
}

function stop() {
  for (const each of running) each.stopper.abort();
  stopButton.disabled = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
decideButton.addEventListener("click", decide);
stopButton.addEventListener("click", stop);
form.elements.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(runButton);
});
for (const lane of lanes) {
  lane.addEventListener("click", (event) => {
    const button = event.target.closest("[data-vote]");
    const own = running.find((each) => each.lane === lane);
    if (button && own) own.vote(button);
  });
}
for (const button of [runButton, decideButton]) button.disabled = form.dataset.may !== "yes";
