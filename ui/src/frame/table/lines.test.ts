import { describe, expect, it } from 'vitest'

import type { Group } from '@/core/table/model'

import { lineOf, linesBetween, rowAt } from './lines'

const rows = ['a', 'b', 'c', 'd', 'e', 'f']
const grouped: Group[] = [
  { value: 'one', start: 0, count: 1 },
  { value: 'two', start: 1, count: 3 },
  { value: '', start: 4, count: 2 },
]
/** As they stand: # for a head. */
const shown = (groups: Group[], first: number, last: number): string =>
  linesBetween(rows, groups, first, last)
    .map((line) => ('group' in line ? `#${line.group.value}` : line.uid))
    .join(' ')

describe('the lines of a table', () => {
  it('are its rows where nothing gathers them', () => {
    expect(shown([], 0, 6)).toBe('a b c d e f')
    expect(shown([], 2, 4)).toBe('c d')
    expect([0, 3, 5].map((index) => lineOf([], index))).toEqual([0, 3, 5])
    expect(rowAt([], 3)).toBe(3)
  })

  it('have a head over every group', () => {
    expect(shown(grouped, 0, 9)).toBe('#one a #two b c d # e f')
  })

  it('are the same in whatever part of them is drawn', () => {
    const all = linesBetween(rows, grouped, 0, 9)
    for (let first = 0; first <= 9; first++) for (let last = first; last <= 9; last++) expect(linesBetween(rows, grouped, first, last), `${first} to ${last}`).toEqual(all.slice(first, last))
  })

  it('say where a row is, and which row is there', () => {
    const all = linesBetween(rows, grouped, 0, 9)
    for (const [line, content] of all.entries()) {
      if ('group' in content) expect(rowAt(grouped, line)).toBe(content.group.start)
      else {
        expect(lineOf(grouped, content.index)).toBe(line)
        expect(rowAt(grouped, line)).toBe(content.index)
      }
    }
  })

  it('end where there are no more', () => {
    expect(shown(grouped, 7, 40)).toBe('e f')
    expect(linesBetween([], [], 0, 20)).toEqual([])
  })
})
