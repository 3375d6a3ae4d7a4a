// Shows the API's document in Swagger UI or ReDoc, whichever the page has loaded. Asks for a key when the server does.

const ui = document.getElementById("ui");
const form = document.getElementById("key");
const keyField = form.elements.namedItem("key");
const storedKey = "taskflow.key";

// Swagger UI has a dark mode, ReDoc has none.
if (ui.dataset.ui === "swagger") {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const followSystem = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", followSystem);
  followSystem();
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show(keyField.value.trim());
});
show(keyOfLink() ?? sessionStorage.getItem(storedKey));

/** The key that a link carries behind its #, where it does not stay: addresses are kept and shown. */
function keyOfLink() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key !== null) history.replaceState(null, "", location.pathname);
  return key;
}

async function show(key) {
  try {
    const response = await fetch("/docs/json", { headers: key ? { authorization: `Bearer ${key}` } : {} });
    form.hidden = response.status !== 401;
    if (response.status === 401) return askAgain(key);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    if (key) sessionStorage.setItem(storedKey, key);
    if (ui.dataset.ui === "swagger") showSwagger(answer, key);
    else showRedoc(answer);
  } catch (error) {
    ui.textContent = `The description could not be loaded: ${error.message}`;
  }
}

function askAgain(key) {
  form.querySelector("output").textContent = key ? "The server does not know this key." : "";
  keyField.focus();
}

function showSwagger(spec, key) {
  const swagger = SwaggerUIBundle({
    spec,
    domNode: ui,
    deepLinking: true,
    tryItOutEnabled: true,
    persistAuthorization: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    onComplete: () => {
      if (key) swagger.preauthorizeApiKey("apiKey", key);
    },
  });
}

function showRedoc(spec) {
  const fontFamily = "system-ui, sans-serif";
  const theme = {
    typography: {
      fontFamily,
      headings: { fontFamily, fontWeight: "600" },
      code: { fontFamily: "ui-monospace, monospace" },
    },
    colors: { primary: { main: "#2f66b3" } },
    sidebar: { backgroundColor: "#f5f7f9" },
    rightPanel: { backgroundColor: "#1b2431" },
  };
  const scrollYOffset = document.querySelector("header").offsetHeight;
  Redoc.init(spec, { sanitize: true, hideDownloadButtons: true, schemasExpansionLevel: 1, scrollYOffset, theme }, ui);
}
