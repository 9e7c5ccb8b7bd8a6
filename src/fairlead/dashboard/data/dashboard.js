// The dashboard's script: times in the reader's zone, figures that renew themselves, charts where their library is here.
// Whatever comes from the server enters the page as text, never as markup.

const LIVE_EVERY_MS = 5000;

function tellTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (!Number.isNaN(at.valueOf())) each.title = at.toLocaleString();
  }
}

tellTimes();
document.addEventListener("fairlead:changed", tellTimes); // a part of the page is new

const live = document.querySelector("[data-live]");
if (live) setInterval(() => renew(live), LIVE_EVERY_MS);

async function renew(place) {
  if (document.hidden) return;
  const note = document.querySelector("[data-live-note]");
  try {
    const answer = await fetch(place.dataset.live, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    // The time has moved on by a step: what the numbers lead to has to move with them.
    if (String(found.since) !== place.dataset.since) return location.reload();
    for (const each of document.querySelectorAll("[data-value]")) {
      const words = found.values[each.dataset.value];
      if (words !== undefined && each.textContent !== words) each.textContent = words;
    }
    for (const each of document.querySelectorAll("svg[data-bars]")) redraw(each, found.bars[each.dataset.bars]);
    if (note) note.textContent = `Live; last looked ${new Date().toLocaleTimeString()}.`;
  } catch {
    if (note) note.textContent = "The server does not answer just now; trying again.";
  }
}

// Bars as (height, height of the failed part), both of 100: the same as figures.bars draws.
function redraw(svg, heights) {
  const links = svg.querySelectorAll("a");
  heights.forEach(([whole, bad], place) => {
    const [ok, failed] = links[place].querySelectorAll("rect");
    ok.setAttribute("y", 100 - whole);
    ok.setAttribute("height", whole - bad);
    failed.setAttribute("y", 100 - bad);
    failed.setAttribute("height", bad);
  });
}

const library = document.querySelector('meta[name="chart-library"]');
const figures = document.querySelectorAll("figure[data-chart]");
if (library && figures.length) {
  const watch = new IntersectionObserver((seen) => {
    for (const each of seen) {
      if (!each.isIntersecting) continue;
      watch.unobserve(each.target);
      draw(each.target).catch(() => {}); // our own figure stays
    }
  });
  figures.forEach((figure) => watch.observe(figure));
}

let loading = null;

// The library writes style attributes and style elements, which the policy forbids. It is given the object model instead:
// a link of ours stands where it looks for its sheet, attributes become properties, other sheets are dropped.
function load() {
  loading ??= new Promise((resolve, reject) => {
    const setAttribute = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function (name, value) {
      if (name === "style" && this.style) this.style.cssText = value;
      else setAttribute.call(this, name, value);
    };
    const head = document.head;
    const append = head.appendChild;
    head.appendChild = (node) => (node instanceof HTMLStyleElement ? node : append.call(head, node));
    const sheet = document.createElement("link");
    sheet.id = "plotly.js-style-global";
    sheet.rel = "stylesheet";
    sheet.href = library.dataset.sheet;
    const script = document.createElement("script");
    script.src = library.content;
    sheet.onload = () => append.call(head, script);
    script.onload = () => {
      delete head.appendChild;
      resolve(window.Plotly);
    };
    sheet.onerror = script.onerror = reject;
    append.call(head, sheet);
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The library reads a few tags in texts: names are other people's.
const plain = (words) => String(words ?? "").replaceAll("<", "‹").replaceAll(">", "›").replaceAll("&", "＆").slice(0, 120);

function trace(series, place) {
  const points = series.points;
  const tints = [colour("--mark"), colour("--bad"), colour("--good"), colour("--warn")];
  const tint = tints[place % tints.length];
  const found = {
    name: plain(series.name),
    x: points.map((point) => point.x),
    y: points.map((point) => point.y),
    text: points.map((point) => plain(point.label)),
    hovertemplate: "%{text}<br>%{x}<br>%{y}<extra></extra>",
    type: "scatter",
    mode: "markers",
    marker: { color: tint, size: 9 },
  };
  if (points.some((point) => point.low != null && point.high != null)) {
    found.error_y = {
      type: "data", symmetric: false, color: tint, thickness: 1, width: 3,
      array: points.map((point) => (point.high == null ? 0 : point.high - point.y)),
      arrayminus: points.map((point) => (point.low == null ? 0 : point.y - point.low)),
    };
  }
  return found;
}

function axis(told) {
  return {
    title: { text: plain(told.title) }, type: told.log ? "log" : "linear",
    ...(told.log ? { dtick: "D2" } : {}), gridcolor: colour("--rule"), zerolinecolor: colour("--rule"), automargin: true,
  };
}

async function draw(figure) {
  const answer = await fetch(figure.dataset.chart, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  const Plotly = await load();
  const place = document.createElement("div");
  figure.append(place);
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: 360,
    margin: { l: 56, r: 16, t: 8, b: 48 }, font: { color: colour("--soft"), family: "system-ui, sans-serif", size: 12 },
    xaxis: axis(told.x), yaxis: axis(told.y), hovermode: "closest",
    showlegend: told.series.length > 1, legend: { orientation: "h", y: -0.25 },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--field"), font: { color: colour("--ink") } },
  };
  const traces = told.series.map((series, at) => trace(series, at));
  await Plotly.newPlot(place, traces, layout, { displayModeBar: false, responsive: true, displaylogo: false });
  figure.querySelector(".own").hidden = true;
}
