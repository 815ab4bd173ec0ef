/** What a person chose for this browser: theme, language, density, pins. Kept in local storage, shared between tabs. */
import { reactive, watch } from 'vue'

import type { Locale } from './i18n'

export type Theme = 'system' | 'light' | 'dark'
export type Density = 'comfortable' | 'compact'

export interface Preferences {
  theme: Theme
  /** `null`: the browser's. */
  locale: Locale | null
  density: Density
  navCollapsed: string[]
  /** Ids of clusters. */
  pinned: string[]
  /** Ids of clusters, the last one first. */
  recent: string[]
  /** Columns shown, by table. */
  columns: Record<string, string[]>
  /** What rows are gathered by, by table. */
  groups: Record<string, string>
  /** Which namespaces lists show, by cluster. */
  namespaces: Record<string, string>
}

const KEY = 'grange.preferences'
const MAX_RECENT = 8

const initial: Preferences = {
  theme: 'system',
  locale: null,
  density: 'comfortable',
  navCollapsed: [],
  pinned: [],
  recent: [],
  columns: {},
  groups: {},
  namespaces: {},
}

export const preferences = reactive<Preferences>({ ...initial, ...read(localStorage.getItem(KEY)) })

watch(preferences, () => localStorage.setItem(KEY, JSON.stringify(preferences)))
window.addEventListener('storage', (event) => {
  if (event.key === KEY) Object.assign(preferences, initial, read(event.newValue))
})
watch(() => preferences.theme, applyTheme, { immediate: true })

/** What storage holds, or nothing when it was written by something else. */
function read(text: string | null): Partial<Preferences> {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

export function togglePin(cluster: string): void {
  const at = preferences.pinned.indexOf(cluster)
  if (at < 0) preferences.pinned.push(cluster)
  else preferences.pinned.splice(at, 1)
}

export function noteVisit(cluster: string): void {
  preferences.recent = [cluster, ...preferences.recent.filter((other) => other !== cluster)].slice(0, MAX_RECENT)
}
