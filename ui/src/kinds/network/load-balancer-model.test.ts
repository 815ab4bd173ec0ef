import { describe, expect, it } from 'vitest'

import { backends, listenerProblems, loadBalancerFor, loadBalancerModel, type LoadBalancer } from './load-balancer-model'

const listener = (name: string, port: string, backendPort = port, protocol = 'TCP'): { name: string; port: string; backendPort: string; protocol: string } => ({ name, port, backendPort, protocol })

const machine = (name: string, namespace: string, labels?: Record<string, string>): never =>
  ({ metadata: { name, namespace }, spec: { template: { metadata: { labels } } } }) as never

describe('listenerProblems', () => {
  it.each([
    ['fine', [listener('http', '80', '8080'), listener('https', '443', '8443')], []],
    ['the same port of two protocols', [listener('a', '53'), listener('b', '53', '53', 'UDP')], []],
    ['empty', [listener('', '', '')], [{ index: 0, field: 'name', kind: 'required' }, { index: 0, field: 'port', kind: 'port' }, { index: 0, field: 'backendPort', kind: 'port' }]],
    ['a bad name', [listener('My Web', '80')], [{ index: 0, field: 'name', kind: 'name' }]],
    ['no such port', [listener('a', '0', '70000')], [{ index: 0, field: 'port', kind: 'port' }, { index: 0, field: 'backendPort', kind: 'port' }]],
    ['the same name', [listener('a', '80'), listener('a', '81')], [{ index: 1, field: 'name', kind: 'sameName' }]],
    ['the same port', [listener('a', '80', '1'), listener('b', '80', '2')], [{ index: 1, field: 'port', kind: 'samePort' }]],
    ['the same port behind', [listener('a', '80', '1'), listener('b', '81', '1')], [{ index: 1, field: 'backendPort', kind: 'sameBackend' }]],
  ])('%s', (_, listeners, problems) => expect(listenerProblems(listeners)).toEqual(problems))
})

describe('the form', () => {
  const balancer: LoadBalancer = {
    metadata: { name: 'lb', namespace: 'default', annotations: { keep: 'me' } },
    spec: {
      description: '',
      workloadType: 'vm',
      ipam: 'pool',
      ipPool: 'p',
      listeners: [{ name: 'http', port: 80, protocol: 'TCP', backendPort: 8080 }],
      backendServerSelector: { app: ['web', 'api'] },
      healthCheck: { port: 8080, successThreshold: 2, failureThreshold: 3, periodSeconds: 5, timeoutSeconds: 3 },
    },
    status: { address: '10.0.0.10' },
  }

  it('gives back what it was given', () => expect(loadBalancerFor(loadBalancerModel(balancer, ''), balancer)).toEqual(balancer))
  it('drops the pool with DHCP, and the check when there is none', () => {
    const model = { ...loadBalancerModel(balancer, ''), ipam: 'dhcp', isChecked: false }
    expect(loadBalancerFor(model, balancer).spec).toMatchObject({ ipam: 'dhcp', ipPool: '', healthCheck: {} })
  })
  it('survives values that are not lists', () => {
    const odd = { metadata: { name: 'lb' }, spec: { backendServerSelector: { app: 'web' }, listeners: [null] } } as never
    expect(loadBalancerModel(odd, 'default')).toMatchObject({ selector: [{ key: 'app', value: 'web' }], listeners: [] })
  })
})

it('finds the machines behind it', () => {
  const machines = [machine('a', 'default', { app: 'web' }), machine('b', 'default', { app: 'db' }), machine('c', 'other', { app: 'web' }), machine('d', 'default')]
  const names = (selector: Record<string, string[]>): string[] => backends(selector, 'default', machines).map(({ metadata }: { metadata: { name: string } }) => metadata.name)
  expect(names({ app: ['web', 'api'] })).toEqual(['a'])
  expect(names({})).toEqual([])
})
