/** The lines of a table: its rows, and a head over every group of them. Pure. */
import type { Group } from '@/core/table/model'

export type Line = { uid: string; index: number } | { group: Group }

/** How many groups come first of which something holds, as it then does of none behind them. */
function countFirst(groups: readonly Group[], holds: (group: Group, at: number) => boolean): number {
  let [from, to] = [0, groups.length]
  while (from < to) {
    const middle = (from + to) >> 1
    const group = groups[middle]
    if (group && holds(group, middle)) from = middle + 1
    else to = middle
  }
  return from
}

/** The line that a row is drawn in. */
export const lineOf = (groups: readonly Group[], index: number): number => index + countFirst(groups, ({ start }) => start <= index)

/** The row in a line; of a head, the first row under it. The head of group `n` is in the line `start + n`. */
export const rowAt = (groups: readonly Group[], line: number): number => line - countFirst(groups, ({ start }, at) => start + at < line)

/** What is drawn in the lines from `first` up to `last`. */
export function linesBetween(rows: readonly string[], groups: readonly Group[], first: number, last: number): Line[] {
  const lines: Line[] = []
  let index = rowAt(groups, first)
  let next = first - index
  while (lines.length < last - first) {
    const group = groups[next]
    const uid = rows[index]
    if (group?.start === index) {
      lines.push({ group })
      next += 1
    } else if (uid !== undefined) {
      lines.push({ uid, index })
      index += 1
    } else break
  }
  return lines
}
