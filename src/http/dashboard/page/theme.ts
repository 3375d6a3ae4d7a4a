import { type Shared, share } from "./state.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const storedAs = "taskflow.theme";

export const theme: Shared<Theme> = share(stored());
/** Rises when colours have changed, by the switch or by the system. */
export const colorChanges: Shared<number> = share(0);

/** Makes the page follow the switch, and what is drawn follow the page. */
export function applyTheme(): void {
  const apply = (chosen: Theme) => {
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    localStorage.setItem(storedAs, chosen);
    colorChanges.set(colorChanges.value + 1);
  };
  apply(theme.value);
  theme.listen(apply);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colorChanges.set(colorChanges.value + 1));
}

/** What a custom property of the style sheet says now, for what is drawn and not styled. */
export function colorOf(property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function stored(): Theme {
  const text = localStorage.getItem(storedAs);
  return themes.find((known) => known === text) ?? "system";
}
