// Policy: the result follows the sliders. The page works without this; with it, only the part that changes is fetched.

const form = document.getElementById("policy");
const WAIT_MS = 250;
let waiting = null;
let fetching = null;

function show(input) {
  const shown = document.querySelector(`output[for="${input.id}"]`);
  if (shown) shown.textContent = input.value;
}

async function renew() {
  fetching?.abort();
  fetching = new AbortController();
  const asked = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...asked]) if (!value) asked.delete(name);
  const address = `/ui/policy?${asked}`;
  const old = document.getElementById("policy-result");
  old.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { signal: fetching.signal, headers: { accept: "text/html" } });
    // The page that the server would show: it is parsed, never run, and only its result is taken over.
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const found = page.getElementById("policy-result");
    if (!response.ok || !found) throw new Error("no result");
    old.replaceWith(document.importNode(found, true));
    history.replaceState(null, "", address);
    document.dispatchEvent(new Event("fairlead:changed"));
  } catch (error) {
    if (error.name === "AbortError") return;
    // Whatever went wrong, the plain form tells it.
    form.submit();
  }
}

form.addEventListener("input", (event) => {
  show(event.target);
  clearTimeout(waiting);
  waiting = setTimeout(renew, WAIT_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  renew();
});
for (const input of form.querySelectorAll("input[type=range]")) show(input);
