/** Settings: their value in effect, and their fields to and fro. Pure. */
import { findCondition, type Condition, type KubeObject } from '@/core/kubernetes'
import { isRecord } from '@/core/same'

import { parseRecord } from '../shared/json'
import type { Field, SettingShape, Shape } from './shapes'

export interface Setting extends KubeObject {
  value?: string
  default?: string
  customized?: boolean
  status?: { conditions?: Condition[] | null }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
export const valueOf = (setting: Setting): string => text(setting.value) || text(setting.default)
export const isChanged = (setting: Setting): boolean => text(setting.value) !== '' && text(setting.value) !== text(setting.default)

/** Why the cluster could not do what the setting says, in its words. */
export function problemOf(setting: Setting): string | undefined {
  const configured = findCondition(setting, 'configured')
  return configured?.status === 'False' ? configured.message || configured.reason : undefined
}

/** The value of each field by its path; `isOn` says whether the whole is. */
export interface SettingModel {
  isOn: boolean
  values: Record<string, string | boolean>
}

/** Stands for a value that is no object. */
export const WHOLE = 'value'

export function settingModel(shape: Shape, value: string): SettingModel {
  if (shape.kind === 'plain') return { isOn: true, values: { [WHOLE]: shape.field.kind === 'boolean' ? value === 'true' : shape.field.kind === 'json' ? pretty(value) : value } }
  const record = parseRecord(value)
  const isOn = !shape.canBeOff || Object.values(record).some((part) => part !== '' && part !== null)
  return { isOn, values: Object.fromEntries(shape.fields.map((field) => [field.path, read(field, at(record, field.path))])) }
}

function read({ kind, initial }: Field, part: unknown): string | boolean {
  if (kind === 'secret') return ''
  if (kind === 'boolean') return part === undefined ? initial === true : part === true || part === 'true'
  if (kind === 'lines') return Array.isArray(part) ? part.filter((line) => typeof line === 'string').join('\n') : ''
  if (kind === 'json') return part === undefined ? '' : JSON.stringify(part, null, 2)
  if (part === undefined || part === null || (part === '' && kind === 'choice')) return initial ?? ''
  return typeof part === 'object' ? JSON.stringify(part) : String(part)
}

/** The text that is written; what of the old value has no field stays in it. */
export function valueFor(shape: Shape, { isOn, values }: SettingModel, before: string): string {
  if (shape.kind === 'plain') {
    const whole = values[WHOLE]
    return shape.field.kind === 'json' ? compact(String(whole ?? '')) : String(whole ?? '').trimEnd()
  }
  if (!isOn) return ''
  const record = structuredClone(parseRecord(before))
  for (const field of shape.fields) {
    const part = isShown(field, values) ? write(field, values[field.path], at(record, field.path)) : undefined
    put(record, field.path, part)
  }
  return JSON.stringify(record)
}

function write({ kind, optional }: Field, value: string | boolean | undefined, before: unknown): unknown {
  if (kind === 'boolean') return value === true
  const trimmed = String(value ?? '').trim()
  // A secret that was not typed again stays with the cluster.
  if (kind === 'secret' && trimmed === '') return before
  if (kind === 'lines') return trimmed === '' ? [] : trimmed.split('\n').map((line) => line.trim()).filter(Boolean)
  if (kind === 'json') return trimmed === '' ? undefined : (JSON.parse(trimmed) as unknown)
  if (kind === 'number') return trimmed === '' ? undefined : Number(trimmed)
  return trimmed === '' && optional && before === undefined ? undefined : trimmed
}

export const isShown = ({ when }: Pick<Field, 'when'>, values: SettingModel['values']): boolean => !when || when.is.includes(values[when.path] ?? false)

export type FieldProblem = 'required' | 'number' | 'json' | 'url'

/** What is wrong with what was typed in a field. */
export function fieldProblem({ kind, min, max, optional }: Omit<Field, 'path'>, value: string | boolean | undefined): FieldProblem | null {
  const trimmed = typeof value === 'string' ? value.trim() : ''
  if (kind === 'boolean') return null
  if (trimmed === '') return optional || kind === 'secret' ? null : 'required'
  if (kind === 'number') {
    const number = Number(trimmed)
    return Number.isFinite(number) && number >= (min ?? -Infinity) && number <= (max ?? Infinity) ? null : 'number'
  }
  if (kind === 'json') return isJson(trimmed) ? null : 'json'
  return kind === 'url' && !/^https?:\/\/\S+$/.test(trimmed) ? 'url' : null
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}

const pretty = (value: string): string => (isJson(value) ? JSON.stringify(JSON.parse(value), null, 2) : value)
const compact = (value: string): string => (value.trim() === '' ? '' : JSON.stringify(JSON.parse(value)))

/** Stands in the place of what must not be shown. */
const HIDDEN = '••••••••'
const SECRET_KEY = /(secret|password|privatekey|token|^auth$)/i

/** A value for reading: JSON over several lines, without its secrets. */
export function shownValue({ shape }: SettingShape, value: string): { text: string; isLong: boolean } {
  const isObject = /^\s*[[{]/.test(value) && isJson(value)
  if (!isObject) return { text: value, isLong: value.includes('\n') || value.length > 120 || (shape.kind === 'plain' && shape.field.kind === 'multiline' && value !== '') }
  const hidden = hide(JSON.parse(value) as unknown)
  const isEmpty = JSON.stringify(hidden) === '{}'
  return { text: isEmpty ? '' : JSON.stringify(hidden, null, 2), isLong: !isEmpty }
}

function hide(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hide)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, SECRET_KEY.test(key) && typeof part === 'string' && part !== '' ? HIDDEN : hide(part)]))
}

function at(record: Record<string, unknown>, path: string): unknown {
  let value: unknown = record
  for (const step of path.split('.')) value = isRecord(value) ? value[step] : undefined
  return value
}

function put(record: Record<string, unknown>, path: string, value: unknown): void {
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  let place = record
  for (const step of steps) {
    const next = place[step]
    if (isRecord(next)) place = next
    else if (value === undefined) return
    else place = (place[step] = {})
  }
  if (value === undefined) delete place[last]
  else place[last] = value
}
