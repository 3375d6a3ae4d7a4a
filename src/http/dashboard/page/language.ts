// A browser that runs in the C locale, as on a wall of a control room, may name a language that `Intl` refuses; the charts
// ask for it as they are loaded. This has to be loaded before them.
if (!isKnown(navigator.language)) Object.defineProperty(navigator, "language", { value: "en" });

function isKnown(language: string): boolean {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language).length > 0;
  } catch {
    return false;
  }
}
