/** The lines of a table: its rows, and a head over every group of them. Pure. */
import type { Group } from '@/core/table/model'

export type Line = { uid: string; index: number } | { group: Group }

/** How many heads stand above a row. */
function headsAbove(groups: readonly Group[], index: number): number {
  let [from, to] = [0, groups.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((groups[middle]?.start ?? Infinity) <= index) from = middle + 1
    else to = middle
  }
  return from
}

/** The line that a row is drawn in. */
export const lineOf = (groups: readonly Group[], index: number): number => index + headsAbove(groups, index)

/** The row in a line; of a head, the first row under it. */
export function rowAt(groups: readonly Group[], line: number): number {
  // The head of group `n` is in the line `start + n`.
  let [from, to] = [0, groups.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((groups[middle]?.start ?? Infinity) + middle < line) from = middle + 1
    else to = middle
  }
  return line - from
}

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
      if (lines.length === last - first) break
    }
    if (uid === undefined) break
    lines.push({ uid, index })
    index += 1
  }
  return lines
}
