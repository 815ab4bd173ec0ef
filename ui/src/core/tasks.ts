/**
 * Work that takes longer than a click: kept in the header until it is done, with what it is about and how far it is.
 *
 * A task is a promise with a name; whoever starts the work reports its progress. The list lives as long as the page.
 */
import { computed, shallowReactive, shallowRef, type ShallowRef } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

import { toast } from './toast'

export interface Task {
  readonly id: number
  readonly title: string
  /** Where to see the thing. */
  readonly to?: RouteLocationRaw | undefined
  readonly startedAt: number
  readonly state: ShallowRef<'running' | 'done' | 'failed' | 'cancelled'>
  /** 0 to 1; `null` when nobody knows. */
  readonly progress: ShallowRef<number | null>
  /** What it does now, or why it failed. */
  readonly note: ShallowRef<string>
  readonly endedAt: ShallowRef<number | null>
  readonly cancel?: (() => void) | undefined
}

export interface Progress {
  report(progress: number | null, note?: string): void
  signal: AbortSignal
}

const MAX_TASKS = 50

export const tasks = shallowReactive<Task[]>([])
export const runningTasks = computed(() => tasks.filter((task) => task.state.value === 'running'))
let next = 1

interface NewTask<T> {
  title: string
  to?: RouteLocationRaw
  cancellable?: boolean
  /** Said when it is done. */
  done: (result: T) => { text: string; to?: RouteLocationRaw }
  failed: (error: unknown) => string
  work: (progress: Progress) => Promise<T>
}

export async function runTask<T>({ title, to, cancellable = false, done, failed, work }: NewTask<T>): Promise<T | undefined> {
  const stopper = new AbortController()
  const task: Task = {
    id: next++,
    title,
    to,
    startedAt: Date.now(),
    state: shallowRef('running'),
    progress: shallowRef(null),
    note: shallowRef(''),
    endedAt: shallowRef(null),
    cancel: cancellable ? () => stopper.abort() : undefined,
  }
  tasks.unshift(task)
  forgetOldest()
  try {
    const result = await work({
      signal: stopper.signal,
      report: (progress, note = task.note.value) => {
        task.progress.value = progress
        task.note.value = note
      },
    })
    task.state.value = 'done'
    toast({ tone: 'ok', ...done(result) })
    return result
  } catch (error) {
    task.state.value = stopper.signal.aborted ? 'cancelled' : 'failed'
    task.note.value = error instanceof Error ? error.message : String(error)
    if (task.state.value === 'failed') toast({ tone: 'problem', text: failed(error), detail: task.note.value, error, to })
    return undefined
  } finally {
    task.endedAt.value = Date.now()
  }
}

function forgetOldest(): void {
  for (let at = tasks.length - 1; tasks.length > MAX_TASKS && at >= 0; at--) {
    if (tasks[at]?.state.value !== 'running') tasks.splice(at, 1)
  }
}
