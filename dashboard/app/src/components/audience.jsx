// A field for an audience as text, with completion of keys and values.
import { call } from "../api.js";
import { completer } from "../completion.js";
import { Combobox } from "./combobox.jsx";

const complete = completer({ get: (path) => call("GET", path) });

/** As Combobox, of which it is one. */
export const AudienceField = (props) => <Combobox class="code" maxLength={4096} complete={complete} {...props} />;
