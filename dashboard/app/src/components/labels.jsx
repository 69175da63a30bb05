// Labels of a connection, whose keys and values are strangers' text.
import { Bdi } from "./text.jsx";

/** The labels in a line. */
export const Labels = ({ labels }) => (
  <span class="labels">
    {Object.entries(labels).filter(([, values]) => values !== undefined).map(([key, values]) => (
      <span key={key} class="label"><Bdi>{key}</Bdi>=<Bdi>{valuesOf(values)}</Bdi></span>
    ))}
  </span>
);

/** A label's values as text: it has one, or a list of several. */
export const valuesOf = (values) => [values].flat().join(", ");

/** The labels without those of the server, but for the user. */
export const own = (labels) => Object.fromEntries(Object.entries(labels).filter(([key]) => key[0] !== "@" || key === "@user"));
