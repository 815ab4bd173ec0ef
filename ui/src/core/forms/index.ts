/**
 * Forms: what was typed, what the server objects to, and not losing either.
 *
 * Fields are named by the path the server uses in its errors (`metadata.name`, `spec.url`), so a refusal of the dry run
 * lands at its field without a table between. What is typed is kept in session storage until it was sent or thrown away:
 * a reload, an expired session or a crashed tab loses nothing. Leaving with unsaved changes asks.
 */
import { computed, inject, nextTick, onScopeDispose, provide, reactive, ref, shallowRef, watch, type ComputedRef, type InjectionKey, type Ref } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'

import { confirm } from '../confirm'
import { isApiError, type Cause } from '../http'
import { afterPress } from '../press'
import { isRecord, isSame } from '../same'
import { clearDraft, readDraft, writeDraft } from './drafts'
import { formMessages as m } from './messages'

export type Rule<M> = (model: M) => string | null

export interface FormOptions<M extends object> {
  /** What a draft is kept under: the page and the object. */
  draft: string
  initial: M
  /** Fields that are checked here, before anybody is asked. */
  rules?: Record<string, Rule<M>>
  /** Never written to storage. */
  secrets?: (keyof M & string)[]
}

export interface Form<M extends object = object> {
  model: M
  isDirty: ComputedRef<boolean>
  isBusy: Ref<boolean>
  /** By field. */
  errors: Record<string, string>
  /** What is wrong and belongs to no field on the page. */
  general: Ref<string[]>
  /** The whole error, for its details. */
  failure: Ref<unknown>
  isRestored: Ref<boolean>
  /** Told by a field that it is on the page, so that its errors show there. */
  addField: (name: string) => () => void
  /** Checks one field after the person left it. */
  check: (name: string) => void
  /** Checks, asks the server by a dry run, then does it. `undefined` when something is in the way. */
  submit: <T>(write: (options: { dryRun: boolean }) => Promise<T>, how?: { dryRun?: boolean }) => Promise<T | undefined>
  /** Fills in what the form finds out by itself: that is where it begins, and nothing that somebody typed. */
  prefill: (fill: () => void) => void
  /** Back to how it began. */
  discard: () => void
}

const key: InjectionKey<Form> = Symbol('form')
/** What a namesake is in the way of. */
const NAME = 'metadata.name'

export function useForm<M extends object>({ draft, initial, rules = {}, secrets = [] }: FormOptions<M>): Form<M> {
  const kept = readDraft<M>(draft)
  const start = shallowRef(structuredClone(initial))
  const model = reactive({ ...structuredClone(initial), ...kept }) as M
  const errors = reactive<Record<string, string>>({})
  const general = ref<string[]>([])
  const failure = shallowRef<unknown>(null)
  const isBusy = ref(false)
  const isDone = ref(false)
  const isRestored = ref(kept !== null)
  const fields = new Set<string>()
  const isDirty = computed(() => !isDone.value && !isSame(toPlain(model), start.value))

  /** Fields whose error is that of their rule, and not the server's. */
  const broken = new Set<string>()
  const check = (name: string): void => {
    const problem = rules[name]?.(model) ?? null
    if (problem === null) {
      broken.delete(name)
      delete errors[name]
    } else {
      broken.add(name)
      errors[name] = problem
    }
  }
  watch(model, () => {
    if (isDirty.value) writeDraft(draft, withoutSecrets(toPlain(model), secrets))
    else clearDraft(draft)
    // What is mended says so at once.
    if (broken.size > 0) afterPress(() => broken.forEach(check))
  })
  const clear = (): void => {
    broken.clear()
    for (const name of Object.keys(errors)) delete errors[name]
    general.value = []
    failure.value = null
  }
  const take = (error: unknown): void => {
    const causes: readonly Cause[] = isApiError(error) ? error.causes : []
    for (const { field, message } of causes) {
      const name = nearestField(fields, field)
      if (name) errors[name] = errors[name] ? `${errors[name]}; ${message}` : message
      else general.value.push(field ? `${field}: ${message}` : message)
    }
    if (isApiError(error, 409) && error.reason === 'AlreadyExists' && fields.has(NAME)) errors[NAME] = m.exists
    else if (causes.length === 0) general.value.push(error instanceof Error ? error.message : String(error))
    failure.value = error
  }

  const form: Form<M> = {
    model,
    isDirty,
    isBusy,
    errors,
    general,
    failure,
    isRestored,
    check,
    addField(name) {
      fields.add(name)
      return () => fields.delete(name)
    },
    async submit(write, { dryRun = true } = {}) {
      if (isBusy.value) return undefined
      clear()
      for (const name of Object.keys(rules)) check(name)
      if (Object.keys(errors).length > 0) {
        await focusFirstError()
        return undefined
      }
      isBusy.value = true
      try {
        if (dryRun) await write({ dryRun: true })
        const result = await write({ dryRun: false })
        isDone.value = true
        clearDraft(draft)
        return result
      } catch (error) {
        take(error)
        await focusFirstError()
        return undefined
      } finally {
        isBusy.value = false
      }
    },
    prefill(fill) {
      const before = toPlain(model)
      fill()
      start.value = carried(start.value, before, toPlain(model))
    },
    discard() {
      Object.assign(model, structuredClone(start.value))
      isRestored.value = false
      clearDraft(draft)
      clear()
    },
  }
  provide(key, form as unknown as Form)
  guard(form)
  return form
}

/** The form around a field. */
export const useFormContext = (): Form | null => inject(key, null)

function guard(form: { isDirty: ComputedRef<boolean>; discard: () => void }): void {
  const beforeUnload = (event: BeforeUnloadEvent): void => {
    if (form.isDirty.value) event.preventDefault()
  }
  window.addEventListener('beforeunload', beforeUnload)
  onScopeDispose(() => window.removeEventListener('beforeunload', beforeUnload))
  onBeforeRouteLeave(async () => {
    if (!form.isDirty.value) return true
    const leaves = await confirm({ title: m.leaveTitle, text: m.leaveText, confirm: m.leave, danger: true })
    if (leaves) form.discard()
    return leaves
  })
}

/** The field itself, or the nearest one around it: `spec.disks[0].name` shows at `spec.disks` when that is the field. */
export function nearestField(fields: ReadonlySet<string>, path: string): string | undefined {
  for (let name = path; name !== ''; name = name.replace(/(\.[^.[]+|\[[^\]]*\]|^[^.[]+)$/, '')) {
    if (fields.has(name)) return name
  }
  return undefined
}

/** Where to go on typing. */
async function focusFirstError(): Promise<void> {
  await nextTick()
  document.querySelector<HTMLElement>('form [aria-invalid="true"]')?.focus()
}

/** `start` with what differs between `before` and `after`. */
export function carried<T>(start: T, before: T, after: T): T {
  if (isSame(before, after)) return start
  if (!isRecord(start) || !isRecord(before) || !isRecord(after)) return after
  return Object.fromEntries(Object.entries(after).map(([key, part]) => [key, carried(start[key], before[key], part)])) as T
}

/** A copy without proxies, read through them: whoever computes with it notices every change. */
function toPlain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(toPlain) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toPlain(part)])) as T
}

function withoutSecrets<M extends object>(model: M, secrets: (keyof M)[]): Partial<M> {
  const copy: Partial<M> = { ...model }
  for (const name of secrets) delete copy[name]
  return copy
}
