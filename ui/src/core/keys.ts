/**
 * Keys: one list of what each does now, which `?` shows.
 *
 * Single keys and sequences (`g h`) are for when nobody is typing; `Mod` is ⌘ on a Mac and Ctrl elsewhere. The latest
 * registration of a key wins, so a table in a dialog takes `j` from the table behind it.
 */
import { computed, onMounted, onScopeDispose, shallowReactive } from 'vue'

export interface Key {
  /** `j`, `g h`, `Mod+k`, `?`, `Enter`. */
  keys: string
  label: () => string
  group: () => string
  run: (event: KeyboardEvent) => void
  /** Only then. */
  when?: () => boolean
  /** Also while somebody types. */
  whileTyping?: boolean
}

const SEQUENCE_MS = 1_200
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

const registered = shallowReactive<Key[]>([])
let prefix = ''
let prefixTimer: ReturnType<typeof setTimeout> | undefined

/** Every key of the moment, without those that a later one covers. */
export const activeKeys = computed(() => {
  const seen = new Set<string>()
  return registered
    .toReversed()
    .filter(({ keys }) => !seen.has(keys) && seen.add(keys))
    .toReversed()
})

/** Registers keys as long as the component lives. */
export function useKeys(keys: Key[]): void {
  onMounted(() => registered.push(...keys))
  onScopeDispose(() => {
    for (const key of keys) {
      const at = registered.indexOf(key)
      if (at >= 0) registered.splice(at, 1)
    }
  })
}

/** How a key is written for people: `⌘K`, `Ctrl+K`, `g h`. */
export function keyLabel(keys: string): string {
  if (!keys.includes('+')) return keys
  return keys
    .split('+')
    .map((part) => (part === 'Mod' ? (isMac ? '⌘' : 'Ctrl') : part.toUpperCase()))
    .join(isMac ? '' : '+')
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0]
  if (!(target instanceof HTMLElement)) return false
  // Boxes take no letters: after a row was ticked, the keys of the table go on.
  if (target instanceof HTMLInputElement && (target.type === 'checkbox' || target.type === 'radio')) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

/** A dialog is open: the page behind it must not react. */
const isModal = (): boolean => document.querySelector('[role="dialog"],[role="alertdialog"],[role="menu"]') !== null

function pressed(event: KeyboardEvent): string {
  const mod = isMac ? event.metaKey : event.ctrlKey
  return mod ? `Mod+${event.key.toLowerCase()}` : event.key
}

export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return
  const key = pressed(event)
  const keys = prefix === '' ? key : `${prefix} ${key}`
  setPrefix('')
  const typing = isTyping(event)
  const modal = isModal()
  const match = registered.findLast(
    (entry) => entry.keys === keys && (!typing || entry.whileTyping) && (!modal || entry.whileTyping) && (entry.when?.() ?? true),
  )
  if (match) {
    event.preventDefault()
    match.run(event)
  } else if (!typing && !modal && registered.some((entry) => entry.keys.startsWith(`${keys} `))) {
    setPrefix(keys)
  }
}

function setPrefix(keys: string): void {
  clearTimeout(prefixTimer)
  prefix = keys
  if (keys !== '') prefixTimer = setTimeout(() => setPrefix(''), SEQUENCE_MS)
}

window.addEventListener('keydown', handleKey)
