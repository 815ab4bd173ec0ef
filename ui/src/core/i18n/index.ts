/**
 * Messages in three languages, side by side in `messages.ts` files next to what they describe.
 *
 * There is no message syntax and no compiler beyond TypeScript: a message is a string or a function of its values, the
 * German and Chinese tables must have the shape of the English one or the type check fails, and bundling carries a
 * page's messages with the page. Reading a message tracks the language, so a change shows at once.
 *
 * INVARIANT: no text that a person reads stands anywhere else; `scripts/check-text.mjs` looks at the templates.
 */
import { computed, watchEffect } from 'vue'

import { preferences } from '../preferences'

export const LOCALES = ['en', 'de', 'zh-Hans'] as const
export type Locale = (typeof LOCALES)[number]

/** The languages by their own names. */
export const LOCALE_NAMES: Record<Locale, string> = { en: 'English', de: 'Deutsch', 'zh-Hans': '简体中文' }

type Table = { [key: string]: string | ((...values: never[]) => string) | Table }

/** The shape of another language's table. */
type Same<T> = {
  [K in keyof T]: T[K] extends string ? string : T[K] extends (...values: infer V) => string ? (...values: V) => string : Same<T[K]>
}

/** The language in use: what the person chose, else the first of the browser's that we have. */
export const locale = computed<Locale>(() => preferences.locale ?? preferred(navigator.languages))

export function preferred(languages: readonly string[]): Locale {
  for (const language of languages) {
    const lower = language.toLowerCase()
    if (lower.startsWith('zh')) return 'zh-Hans'
    const found = LOCALES.find((locale) => lower === locale || lower.startsWith(`${locale}-`))
    if (found) return found
  }
  return 'en'
}

/** Declares messages; reading from the result, or from a part of it that was kept, gives the present language's. */
export function defineMessages<T extends Table>(tables: { en: T; de: Same<NoInfer<T>>; 'zh-Hans': Same<NoInfer<T>> }): Readonly<T> {
  return present(tables.en, () => tables[locale.value] as Table) as T
}

/** A view of the table that `read` gives at the moment of reading. */
function present(shape: Table, read: () => Table): Table {
  const parts = new Map<PropertyKey, Table>()
  for (const [key, part] of Object.entries(shape)) {
    if (typeof part === 'object') parts.set(key, present(part, () => read()[key] as Table))
  }
  return new Proxy(shape, { get: (_, key) => parts.get(key) ?? Reflect.get(read(), key) })
}

/** Formatters are expensive to make and cheap to keep. */
const formatters = computed(() => {
  const tag = locale.value
  return {
    number: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }),
    percent: new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 }),
    dateTime: new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium' }),
    time: new Intl.DateTimeFormat(tag, { timeStyle: 'short' }),
    list: new Intl.ListFormat(tag, { type: 'conjunction' }),
    plural: new Intl.PluralRules(tag),
    collator: new Intl.Collator(tag, { numeric: true, sensitivity: 'base' }),
  }
})

export const formatNumber = (value: number): string => formatters.value.number.format(value)
export const formatPercent = (ratio: number): string => formatters.value.percent.format(ratio)
export const formatDateTime = (at: Date | number): string => formatters.value.dateTime.format(at)
export const formatTime = (at: Date | number): string => formatters.value.time.format(at)
export const formatList = (items: readonly string[]): string => formatters.value.list.format(items)
/** Orders as people expect: vm-2 before vm-10, case aside. */
export const compareText = (a: string, b: string): number => formatters.value.collator.compare(a, b)

/** `plural(n, 'machine', 'machines')` → `3 machines`; languages without plurals just write their word. */
export function plural(count: number, one: string, other: string): string {
  return `${formatNumber(count)} ${formatters.value.plural.select(count) === 'one' ? one : other}`
}

/** Tells the document its language; called once, at start. */
export function applyLocale(): void {
  watchEffect(() => {
    document.documentElement.lang = locale.value
  })
}
