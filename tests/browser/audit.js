// What a person with a keyboard, a phone or poor sight would stumble over on this page, as a list of complaints.
() => {
  const complaints = [];
  const say = (words, element) => complaints.push(element ? `${words}: ${element.outerHTML.slice(0, 160)}` : words);

  if (document.documentElement.scrollWidth > window.innerWidth) {
    const wide = [...document.querySelectorAll("body *")].find((e) => {
      const box = e.getBoundingClientRect();
      return box.right > window.innerWidth + 1 && !e.closest(".scroller, pre, svg, .unseen, .skip");
    });
    say(`the page scrolls sideways (${document.documentElement.scrollWidth} > ${window.innerWidth})`, wide);
  }
  if (document.documentElement.lang !== "en") say("the page says no language");
  if (document.querySelectorAll("h1").length !== 1) say("the page has not exactly one h1");
  if (document.querySelectorAll("main").length !== 1) say("the page has not exactly one main");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) say(`the id ${id} stands twice`);

  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const label = e.labels?.[0]?.textContent?.trim() || e.getAttribute("aria-label");
    if (!label) say("no label", e);
  }
  for (const e of document.querySelectorAll("a[href], button, summary, [role=region], nav")) {
    const own = e.getAttribute("aria-label") || e.textContent.trim() || e.querySelector("title")?.textContent;
    if (!own) say("no name", e);
  }
  for (const e of document.querySelectorAll("table")) if (!e.caption?.textContent.trim()) say("a table without a caption", e);
  for (const e of document.querySelectorAll("th")) if (!e.scope) say("a head without a scope", e);
  for (const e of document.querySelectorAll("svg[role=img]")) if (!e.getAttribute("aria-label")) say("a picture without words", e);

  // Nothing that came as data may have become more than text.
  for (const e of document.querySelectorAll("main *")) {
    if (["SCRIPT", "IFRAME", "OBJECT", "EMBED", "IMG", "STYLE", "BASE"].includes(e.tagName.toUpperCase())) say("not of ours", e);
    for (const { name, value } of e.attributes) {
      if (name.startsWith("on")) say("an attribute that runs", e);
      if (["href", "src", "action"].includes(name) && !/^[/#?]/.test(value)) say("an address that is not of ours", e);
    }
  }
  if (document.title === "taken") say("a script from the data has run");

  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const colour = (words) => {
    const found = words.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    return found ? [+found[1], +found[2], +found[3], found[4] === undefined ? 1 : +found[4]] : null;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const found = colour(getComputedStyle(e).backgroundColor);
      if (found && found[3] > 0.99) return found;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(e) || !e.checkVisibility({ visibilityProperty: true })) continue;
    seen.add(e);
    if (e.closest(".unseen, .skip, title, option, .js-plotly-plot")) continue;
    const style = getComputedStyle(e);
    const ink = colour(e instanceof SVGElement ? style.fill : style.color);
    const on = ground(e);
    if (!ink || !on) { say(`a colour that cannot be read (${style.color})`, e); continue; }
    const [light, dark] = [luminance(ink), luminance(on)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < needed) say(`contrast ${ratio.toFixed(2)} of ${needed}`, e);
  }
  return complaints;
};
