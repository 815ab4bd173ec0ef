/** Short news at the edge of the page: what came of something, with a way to it. Errors stay until dismissed. */
import { shallowReactive } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

export interface Toast {
  readonly id: number
  readonly tone: 'ok' | 'problem' | 'info'
  readonly text: string
  readonly detail?: string | undefined
  readonly to?: RouteLocationRaw | undefined
  readonly error?: unknown
}

const SHOWN_MS = 6_000
const MAX_TOASTS = 4

export const toasts = shallowReactive<Toast[]>([])
let next = 1

export function toast(message: Omit<Toast, 'id'>): void {
  const id = next++
  toasts.push({ ...message, id })
  if (toasts.length > MAX_TOASTS) toasts.splice(0, toasts.length - MAX_TOASTS)
  if (message.tone !== 'problem') setTimeout(() => dismiss(id), SHOWN_MS)
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
