// Labels of a connection, whose keys and values are strangers' text.
import { Bdi } from "./text.jsx";

/** The labels in a line. */
export const Labels = ({ labels }) => (
  <span class="labels">
    {Object.entries(labels).map(([key, values]) => (
      <span key={key} class="label"><Bdi>{key}</Bdi>=<Bdi>{valuesOf(values)}</Bdi></span>
    ))}
  </span>
);

/** A label's values as text: it has one, or a list of several. */
export const valuesOf = (values) => [values].flat().join(", ");
