/** The three bars of a host's row: one component, told what it shows. */
import { h, type FunctionalComponent } from 'vue'

import type { Context } from '@/core/kinds'

import type { Host } from './host-model'
import UsageCell from './UsageCell.vue'

interface CellProps {
  object: Host
  context: Context
}

const cell = (what: 'cpu' | 'memory' | 'storage'): FunctionalComponent<CellProps> => {
  const component: FunctionalComponent<CellProps> = ({ object, context }) => h(UsageCell, { object, context, what })
  component.props = ['object', 'context', 'value']
  return component
}

export const CpuCell = cell('cpu')
export const MemoryCell = cell('memory')
export const StorageCell = cell('storage')
