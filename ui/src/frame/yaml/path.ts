/** Where a line of YAML stands, told by indentation alone: the text may be unfinished, so no parser would read it. Pure. */

interface Level {
  column: number
  /** `*` for an element of a list. */
  name: string
}

/**
 * The path that encloses a line which begins with `lead` (spaces and `- `), given the lines above it. Lists appear as `*`.
 * `spec:` / `  disks:` / `  - name:` with lead `    ` → `['spec', 'disks', '*']`.
 */
export function pathAt(above: readonly string[], lead: string): string[] {
  const levels: Level[] = []
  let block = Infinity
  for (const line of above) {
    const indent = line.search(/\S/)
    // Inside a block scalar anything may look like YAML.
    if (indent < 0 || indent > block) continue
    block = Infinity
    const match = /^(\s*(?:- +)*)([\w./-]+):(?:\s+(.*))?$/.exec(line)
    const [, start = /^\s*(?:- +)*/.exec(line)?.[0] ?? '', key, value = ''] = match ?? []
    enter(levels, start)
    if (key === undefined) continue
    levels.push({ column: start.length, name: key })
    if (/^[|>]/.test(value)) block = start.lastIndexOf('-') >= 0 ? start.indexOf('-') : indent
  }
  enter(levels, lead)
  return levels.map(({ name }) => name)
}

/** Leaves what ends where a line with this lead begins, and enters the list elements its dashes open. */
function enter(levels: Level[], lead: string): void {
  for (let column = lead.indexOf('-'); column >= 0; column = lead.indexOf('-', column + 1)) {
    // A list may stand at the column of the key that names it.
    leave(levels, ({ column: at, name }) => at > column || (at === column && name === '*'))
    levels.push({ column, name: '*' })
  }
  leave(levels, ({ column }) => column >= lead.length)
}

function leave(levels: Level[], isOver: (level: Level) => boolean): void {
  for (let top = levels.at(-1); top && isOver(top); top = levels.at(-1)) levels.pop()
}
