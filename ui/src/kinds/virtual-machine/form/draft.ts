/** An object that is being changed, addressed by paths. */
import { at, listAt } from '@/core/kubernetes'
import { isRecord } from '@/core/same'

import { named } from '../types'

/** Writes along paths into an object that is ours. */
export class Draft {
  constructor(readonly root: Record<string, unknown>) {}

  /** Sets a value, making what is missing on the way; `undefined` takes it away and makes nothing. */
  set(path: readonly string[], value: unknown): void {
    const last = path.at(-1)
    if (last === undefined) return
    const holder = this.holder(path.slice(0, -1), value !== undefined)
    if (!holder) return
    if (value === undefined) delete holder[last]
    else holder[last] = value
  }

  merge(path: readonly string[], values: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(values)) this.set([...path, key], value)
  }

  /** Takes an object away that has become empty. */
  prune(path: readonly string[]): void {
    const value = at(this.root, ...path)
    if (isRecord(value) && Object.keys(value).length === 0) this.set(path, undefined)
  }

  /** The list of named things there, to be changed in place. */
  named<T extends { name: string }>(path: readonly string[]): T[] {
    return named(listAt(this.root, ...path) as T[])
  }

  private holder(path: readonly string[], makes: boolean): Record<string, unknown> | undefined {
    let value = this.root
    for (const step of path) {
      const next = value[step]
      if (isRecord(next)) value = next
      else if (!makes) return undefined
      else {
        const made: Record<string, unknown> = {}
        value[step] = made
        value = made
      }
    }
    return value
  }
}
