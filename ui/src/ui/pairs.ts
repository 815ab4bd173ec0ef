/** Keys and values as a form edits them: in order, and perhaps unfinished. */
export interface Pair {
  key: string
  value: string
}

export const toPairs = (record: Record<string, string> | undefined): Pair[] => Object.entries(record ?? {}).map(([key, value]) => ({ key, value }))

/** Rows without a key are not sent. */
export const fromPairs = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value]))
