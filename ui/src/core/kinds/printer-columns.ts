/** Columns of a kind without a file: those its CRD gives to kubectl, read from the live objects. */
import { request } from '../http'
import { apiVersion, at, type KubeObject } from '../kubernetes'
import type { Scope } from '../scope'
import type { CellValue, Column, Format, Kind } from './types'

interface PrinterColumn {
  name: string
  type: string
  format?: string
  jsonPath: string
  priority?: number
}

interface Definition {
  spec?: { versions?: { name: string; additionalPrinterColumns?: PrinterColumn[] }[] }
}

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
/** Every list has these anyway. */
const COMMON = /^\.metadata\.(name|namespace|creationTimestamp)$/

/** The columns, or none where there is no CRD or it may not be read. */
export async function printerColumns(scope: Scope, kind: Kind): Promise<Column<KubeObject>[]> {
  if (!kind.group.includes('.')) return []
  try {
    const definition = await request<Definition>(`${scope.base}${CRDS}/${kind.resource}.${kind.group}`)
    const version = definition.spec?.versions?.find(({ name }) => name === kind.version)
    return (version?.additionalPrinterColumns ?? []).filter(({ jsonPath }) => !COMMON.test(jsonPath)).map(toColumn)
  } catch {
    return []
  }
}

function toColumn({ name, type, format, jsonPath, priority = 0 }: PrinterColumn): Column<KubeObject> {
  const formats: Record<string, Format> = { integer: 'number', number: 'number', date: 'age', boolean: 'yes-no' }
  const read = compileJsonPath(jsonPath)
  const shown = formats[type] ?? (format === 'date-time' ? 'age' : 'text')
  return { id: `printer:${name}`, label: () => name, value: read, format: shown, hidden: priority > 0 }
}

type Step = { key: string } | { index: number } | { where: string; is: string } | { all: true }

/** The part of kubectl's JSONPath that printer columns use: fields, indexes, `[*]` and `[?(@.type=="Ready")]`. */
export function compileJsonPath(path: string): (object: unknown) => CellValue {
  const steps: Step[] = []
  const pattern = /\.((?:\\.|[^.[\]\\])+)|\[(\d+)\]|\['([^']+)'\]|\[(\*)\]|\[\?\(@\.([^=!<>]+?)\s*==\s*["']([^"']*)["']\)\]/gy
  for (let match = pattern.exec(path); match; match = pattern.exec(path)) {
    const [, field, index, quoted, star, where, is] = match
    if (field !== undefined) steps.push({ key: field.replaceAll('\\.', '.') })
    else if (quoted !== undefined) steps.push({ key: quoted })
    else if (index !== undefined) steps.push({ index: Number(index) })
    else if (star !== undefined) steps.push({ all: true })
    else if (where !== undefined && is !== undefined) steps.push({ where, is })
  }
  return (object) => toCell(steps.reduce<unknown[]>((values, step) => values.flatMap((value) => follow(value, step)), [object]))
}

function follow(value: unknown, step: Step): unknown[] {
  if ('key' in step) return [at(value, step.key)]
  if ('index' in step) return [at(value, step.index)]
  const items = Array.isArray(value) ? value : []
  if ('all' in step) return items
  return items.filter((item) => String(at(item, ...step.where.split('.'))) === step.is)
}

function toCell(values: unknown[]): CellValue {
  const shown = values.filter((value) => value !== undefined && value !== null)
  if (shown.length > 1) return shown.map((value) => String(toCell([value]) ?? '')).join(', ')
  const [value] = shown
  if (typeof value === 'object') return JSON.stringify(value)
  return value as CellValue
}

/** For the YAML editor: what a new object of the kind begins with. */
export function blank(kind: Kind, namespace: string): KubeObject {
  return {
    apiVersion: apiVersion(kind),
    kind: kind.kind,
    metadata: { name: '', ...(kind.namespaced && { namespace: namespace || 'default' }) },
  }
}
