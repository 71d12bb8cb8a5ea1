import { render } from "preact";
import "@preact/signals";
import { App } from "./app";

render(<App />, document.getElementById("explorer")!);
