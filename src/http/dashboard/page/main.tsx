/** @jsxImportSource preact */
import "./language.ts";
import { render } from "preact";
import { followAddress } from "./address.ts";
import { checkAccess, takeKeyFromAddress } from "./api.ts";
import { startLive } from "./live.ts";
import { Shell } from "./shell.tsx";
import { followShortcuts } from "./shortcuts.ts";
import { applyTheme } from "./theme.ts";

applyTheme();
takeKeyFromAddress();
followAddress();
followShortcuts();
// Before anything else is asked: a key that does not do is sent once, and not with a dozen requests.
await checkAccess();
startLive();
render(<Shell />, document.body);
