/** One event of a stream; `event` and `id` are empty where the block has none. */
export type Dispatch = (event: string, data: string, id: string) => void;

/**
 * Parses text/event-stream, as in the HTML standard, section 9.2.6, but for `retry`. The returned function is fed the text
 * as it comes; the decoder before it has removed the byte order mark.
 */
export function createParser(dispatch: Dispatch): (text: string) => void {
  let rest = ""; // of a line whose end has not come
  let afterCR = false; // so that a LF that comes first belongs to the line before
  let event = "", id = "", data: string[] = [];

  function line(text: string) {
    if (text === "") {
      if (data.length > 0) dispatch(event, data.join("\n"), id);
      event = id = "";
      data = [];
      return;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(text)!; // a comment is a field without a name
    if (field === "data") data.push(value);
    if (field === "event") event = value;
    if (field === "id") id = value;
  }

  return (text) => {
    if (text === "") return;
    const lines = (rest + (afterCR && text[0] === "\n" ? text.slice(1) : text)).split(/\r\n?|\n/);
    afterCR = text.endsWith("\r");
    rest = lines.pop()!;
    lines.forEach(line);
  };
}
