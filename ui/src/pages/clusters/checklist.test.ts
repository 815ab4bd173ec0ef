import { describe, expect, it } from 'vitest'

import type { Cluster } from '@/core/clusters'

import { importSteps, leftovers, remedyFor, settingForms } from './checklist'

type Entry = [type: string, status: string, reason?: string, message?: string]
const cluster = (...conditions: Entry[]): Cluster => ({
  metadata: { name: 'c-m-1' },
  status: { conditions: conditions.map(([type, status, reason = '', message = '']) => ({ type, status, reason, message, lastTransitionTime: '2026-11-24T10:00:00Z' })) },
})
const show = (...conditions: Entry[]): string =>
  importSteps(cluster(...conditions))
    .map(({ state }) => state)
    .join(' ')

describe('the steps of an import', () => {
  it('begin with waiting for the manifest', () => {
    expect(show()).toBe('now todo todo todo todo todo todo')
    expect(show(['ManifestFetched', 'Unknown', '', 'Waiting'], ['Connected', 'False', 'NeverConnected'])).toBe('now todo todo todo todo todo todo')
  })

  it('go on one by one', () => {
    expect(show(['ManifestFetched', 'True'])).toBe('done now todo todo todo todo todo')
    expect(show(['ManifestFetched', 'True'], ['AgentDeployed', 'True'], ['AgentEnrolled', 'True'], ['Connected', 'True'], ['Updated', 'Unknown'], ['Waiting', 'Unknown'], ['Ready', 'Unknown', 'Probing'])).toBe(
      'done done done done now todo todo',
    )
  })

  it('end ready', () => {
    expect(show(['ManifestFetched', 'True'], ['AgentDeployed', 'True'], ['AgentEnrolled', 'True'], ['Connected', 'True'], ['Updated', 'True'], ['Waiting', 'True'], ['Ready', 'True'])).toBe('done done done done done done done')
  })

  it('stop at the failing one, with its cause and the way out', () => {
    const refused: Entry[] = [['ManifestFetched', 'True'], ['AgentDeployed', 'Unknown'], ['AgentEnrolled', 'False', 'AlreadyImported', 'Agent from 10.0.0.9 refused'], ['Connected', 'False', 'NeverConnected']]
    expect(show(...refused)).toBe('done done failed todo todo todo todo')
    const failing = importSteps(cluster(...refused))[2]
    expect(failing).toMatchObject({ state: 'failed', message: 'Agent from 10.0.0.9 refused', remedy: 'otherCluster' })
  })

  it('do not repeat to people what they wait for in the server’s words', () => {
    expect(importSteps(cluster(['ManifestFetched', 'Unknown', 'WaitingForCluster', 'status.manifestUrl of …']))[0]?.message).toBe('')
  })
})

it.each([
  ['TokenNotValid', 'badToken'],
  ['TokenUsedByOtherCluster', 'otherCluster'],
  ['ImageNotFound', 'image'],
  ['CertificateNotTrusted', 'certificate'],
  ['ClockSkew', 'clock'],
  ['ManifestFetchedNoAgent', 'nothingCame'],
  ['Disconnected', undefined],
  [undefined, undefined],
])('the remedy of %s is %s', (reason, remedy) => expect(remedyFor(reason)).toBe(remedy))

it('gives the setting in both forms', () => {
  expect(settingForms('https://x/y.yaml')).toEqual({ plain: 'https://x/y.yaml', json: '{"url":"https://x/y.yaml","insecureSkipTLSVerify":false}' })
})

it('reads what a removal left behind', () => {
  const message =
    'The cluster was removed from the server, but its agent is not connected. Left in the cluster (namespace cattle-system): ServiceAccount grange-agent, ClusterRole grange-agent. Remove them there with: kubectl -n cattle-system delete --ignore-not-found serviceaccount/grange-agent; kubectl delete --ignore-not-found clusterrole/grange-agent'
  expect(leftovers(message)).toEqual({
    objects: ['ServiceAccount grange-agent', 'ClusterRole grange-agent'],
    commands: ['kubectl -n cattle-system delete --ignore-not-found serviceaccount/grange-agent', 'kubectl delete --ignore-not-found clusterrole/grange-agent'],
  })
  expect(leftovers('something else')).toEqual({ objects: [], commands: [] })
})
