/** Merging of equal memory pages on a host, as its Ksmtuned object sets it. Pure. */
import type { KubeObject } from '@/core/kubernetes'

export interface Ksmtuned extends KubeObject {
  spec?: {
    run?: string
    mode?: string
    thresCoef?: number
    mergeAcrossNodes?: number
    ksmtunedParameters?: Partial<Record<Parameter, number>> | null
  }
  status?: Record<string, unknown>
}

export const RUNS = ['run', 'stop', 'prune'] as const
export const MODES = ['standard', 'high', 'customized'] as const
export const PARAMETERS = ['boost', 'decay', 'minPages', 'maxPages', 'sleepMsec'] as const
export type Parameter = (typeof PARAMETERS)[number]

export interface KsmtunedModel {
  run: string
  mode: string
  threshold: string
  isAcross: boolean
  parameters: Record<Parameter, string>
}

export function ksmtunedModel({ spec }: Ksmtuned): KsmtunedModel {
  return {
    run: spec?.run ?? 'stop',
    mode: spec?.mode ?? 'standard',
    threshold: String(spec?.thresCoef ?? 20),
    isAcross: (spec?.mergeAcrossNodes ?? 1) !== 0,
    parameters: Object.fromEntries(PARAMETERS.map((name) => [name, String(spec?.ksmtunedParameters?.[name] ?? 0)])) as Record<Parameter, string>,
  }
}

export function ksmtunedFor(model: KsmtunedModel, before: Ksmtuned): Ksmtuned {
  const parameters = Object.fromEntries(PARAMETERS.map((name) => [name, Number(model.parameters[name])]))
  return {
    ...before,
    spec: {
      ...before.spec,
      run: model.run,
      mode: model.mode,
      thresCoef: Number(model.threshold),
      mergeAcrossNodes: model.isAcross ? 1 : 0,
      // Only a custom mode has numbers of its own; the others keep what the controller wrote.
      ...(model.mode === 'customized' && { ksmtunedParameters: { ...before.spec?.ksmtunedParameters, ...parameters } }),
    },
  }
}
