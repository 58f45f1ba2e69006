// Keys, strings, numbers and comments of a line, by the same patterns as in the terminal.

const STRING = String.raw`"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?`;
const NUMBER = String.raw`(?<![\w.])[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])`;
const LITERAL = String.raw`\b(?:true|false|null|True|False|nan|inf)\b`;
const PATTERNS = {
  json: `(?<key>${STRING})(?=\\s*:)|(?<string>${STRING})|(?<number>${NUMBER})|(?<literal>${LITERAL})`,
  yaml: String.raw`(?<comment>(?:^|(?<=\s))#.*)|(?<key>(?:^|(?<=\s)|(?<=-\s))[\w./\-]+(?=:(?:\s|$)))|(?<string>${STRING})|(?<number>${NUMBER})|(?<literal>${LITERAL})`,
  textproto: String.raw`(?<comment>#.*)|(?<string>${STRING})|(?<key>(?:\[[\w./]+\]|\b[A-Za-z_]\w*)(?=\s*[:{<]))|(?<number>${NUMBER})|(?<literal>\b[A-Za-z_]\w*\b)`,
  diff: String.raw`^(?<strong>rev .*)|^(?<good>  \+.*)|^(?<bad>  -.*)|^(?<key>  @@.*)|^(?<dim>  [ (].*)`,
  hex: String.raw`(?<comment>^[0-9a-f]{4,}(?=:))|(?<string>\s\|.*\|?$)`,
};
const CACHED = 256;

// Return a function that returns the parts of a line, [style, text].
export function highlighter(language) {
  if (!(language in PATTERNS)) return (line) => [["", line]];
  const pattern = new RegExp(PATTERNS[language], "g");
  const cache = new Map();
  return (line) => {
    let parts = cache.get(line);
    if (parts === undefined) {
      parts = [];
      let at = 0;
      for (const match of line.matchAll(pattern)) {
        if (match.index > at) parts.push(["", line.slice(at, match.index)]);
        const [style] = Object.entries(match.groups).find(([, text]) => text !== undefined);
        parts.push([style, match[0]]);
        at = match.index + match[0].length;
      }
      parts.push(["", line.slice(at)]);
      if (cache.size >= CACHED) cache.clear();
      cache.set(line, parts);
    }
    return parts;
  };
}
