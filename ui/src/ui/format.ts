/** Values as people read them. */
import { age, timeOf } from '@/core/age'
import { formatNumber } from '@/core/i18n'
import type { CellValue, Format } from '@/core/kinds'
import { formatBytes } from '@/core/quantity'
import type { SortKey } from '@/core/table/model'
import { naturalKey } from '@/core/table/model'

import { formatMessages as m } from './format-messages'

export function formatValue(value: CellValue, format: Format = 'text'): string {
  if (value === null || value === undefined || value === '') return ''
  if (format === 'age') return age(String(value))
  if (format === 'yes-no' || typeof value === 'boolean') return value === true || value === 'true' ? m.yes : m.no
  if (typeof value === 'number') return format === 'bytes' ? formatBytes(value) : formatNumber(value)
  return value
}

export const isNumeric = (format: Format | undefined): boolean => format === 'number' || format === 'bytes' || format === 'cores'

/** What a value is sorted by; nothing sorts last. */
export function sortKey(value: CellValue, format: Format | undefined): SortKey | null {
  if (value === null || value === undefined || value === '') return null
  if (format === 'age') return timeOf(String(value)) ?? null
  if (typeof value === 'number') return value
  return naturalKey(String(value))
}
