// Boots the dashboard: shows what the key may see, or asks for a key.
import { render } from "preact";
import { App } from "./app.jsx";
import { start } from "./session.js";
import "./theme.js";

render(<App />, document.getElementById("app"));
void start();
