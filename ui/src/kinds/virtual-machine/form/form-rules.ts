/** The checks of the whole form, by the field that each shows at. */
import type { Rule } from '@/core/forms'

import { formMessages as m } from './messages'
import type { MachineModel } from './model'
import type { Start } from './start'
import { coresProblem, countProblem, credentialProblems, gibProblem, graceProblem, hasProblems, hostnameProblem, maxProblem, nameOfMachineProblem, networkDataText, networkProblems, reservedMemoryProblem, userDataText, volumeProblems } from './rules'

export const FIELDS = {
  name: 'metadata.name',
  namespace: 'metadata.namespace',
  cores: 'spec.template.spec.domain.cpu',
  memory: 'spec.template.spec.domain.resources.limits.memory',
  hostname: 'spec.template.spec.hostname',
  grace: 'spec.template.spec.terminationGracePeriodSeconds',
} as const

/** Which fields a section holds, for its mark in the index. */
export const SECTION_FIELDS: Record<string, RegExp> = {
  basics: /^(metadata\.name|metadata\.namespace|count|image|maxCores|maxMemory|spec\.template\.spec\.domain\.(cpu|resources.*|memory.*))$/,
  volumes: /^(volumes|spec\.template\.spec\.volumes.*|spec\.template\.spec\.domain\.devices\.disks.*|metadata\.annotations.*)$/,
  networks: /^(networks|spec\.template\.spec\.networks.*|spec\.template\.spec\.domain\.devices\.interfaces.*)$/,
  scheduling: /^(scheduling|spec\.template\.spec\.(affinity|nodeSelector).*)$/,
  devices: /^(devices|spec\.template\.spec\.domain\.devices\.(hostDevices|gpus).*)$/,
  credentials: /^(credentials|spec\.template\.spec\.accessCredentials.*)$/,
  'cloud-init': /^(userData|networkData)$/,
  advanced: /^(reservedMemory|spec\.runStrategy|spec\.template\.spec\.(hostname|terminationGracePeriodSeconds)|spec\.template\.spec\.domain\.(machine|firmware|cpu\.dedicatedCpuPlacement|devices\.tpm))$/,
}

/** A template may leave open which image its machines are made from. */
export function formRules({ isNew, before }: Pick<Start, 'isNew' | 'before'>, isTemplate: boolean): Record<string, Rule<MachineModel>> {
  const olds = new Map(before.volumes.map((row) => [row.id, row]))
  const oldCredentials = new Map(before.credentials.map((row) => [row.id, row]))
  return {
    ...(isNew && { [FIELDS.name]: nameOfMachineProblem }),
    ...(isNew && !isTemplate && { count: countProblem, image: imageProblem }),
    [FIELDS.cores]: ({ cores }) => coresProblem(cores),
    [FIELDS.memory]: ({ memory }) => gibProblem(memory),
    maxCores: (model) => maxProblem(model, 'cores'),
    maxMemory: (model) => maxProblem(model, 'memory'),
    volumes: ({ volumes }) => (volumes.some((row) => hasProblems(volumeProblems(row, volumes, olds.get(row.id), isTemplate))) ? m.problems.volumes : null),
    networks: ({ networks }) => (networks.some((row) => hasProblems(networkProblems(row, networks))) ? m.problems.networks : null),
    credentials: ({ credentials }) => (credentials.some((row) => hasProblems(credentialProblems(row, credentials, oldCredentials.get(row.id)))) ? m.problems.credentials : null),
    userData: ({ hasCloudInit, userData }) => (hasCloudInit ? userDataText(userData) : null),
    networkData: ({ hasCloudInit, networkData }) => (hasCloudInit ? networkDataText(networkData) : null),
    reservedMemory: reservedMemoryProblem,
    [FIELDS.hostname]: hostnameProblem,
    [FIELDS.grace]: graceProblem,
  }
}

/** The field in the basics speaks for the first row that is made from an image. */
function imageProblem({ volumes }: MachineModel): string | null {
  if (volumes.length === 0) return m.problems.noVolumes
  const root = volumes.find(({ source, claim }) => source === 'image' && claim === '')
  return root?.image === '' ? m.problems.chooseImage : null
}
