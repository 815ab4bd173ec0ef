import { describe, expect, it } from 'vitest'

import { fieldProblem, isChanged, problemOf, settingModel, shownValue, valueFor, valueOf, type Setting } from './setting-model'
import { SHAPES, shapeOf } from './shapes'

const shape = (name: string): (typeof SHAPES)[string]['shape'] => shapeOf(name, '').shape
const setting = (value?: string, fallback?: string): Setting => ({ metadata: { name: 's' }, ...(value !== undefined && { value }), ...(fallback !== undefined && { default: fallback }) })

it.each([
  [setting('', 'info'), 'info', false],
  [setting('debug', 'info'), 'debug', true],
  [setting('info', 'info'), 'info', false],
  [setting(), '', false],
  [setting(5 as never, {} as never), '', false],
])('%j has value %j, changed %j', (object, value, changed) => expect([valueOf(object), isChanged(object)]).toEqual([value, changed]))

/** Each shape with a value as clusters have it: what comes out of an untouched form is what went in. */
it.each([
  ['overcommit-config', '{"cpu":1600,"memory":150,"storage":200}'],
  ['http-proxy', '{"httpProxy":"http://p:3128","httpsProxy":"","noProxy":"10.0.0.0/8"}'],
  ['ntp-servers', '{"ntpServers":["0.pool.ntp.org","1.pool.ntp.org"]}'],
  ['vm-force-reset-policy', '{"enable":true,"period":300}'],
  ['vm-force-reset-policy', '{"enable":true,"period":15,"vmMigrationTimeout":180}'],
  ['auto-rotate-rke2-certs', '{"enable":false,"expiringInHours":240}'],
  ['upgrade-config', '{"imagePreloadOption":{"strategy":{"type":"sequential"}},"nodeUpgradeOption":{"strategy":{"mode":"auto"}},"restoreVM":false,"logReadyTimeout":"5"}'],
  ['backup-target', '{"type":"s3","endpoint":"https://s3.example","bucketName":"vms","bucketRegion":"eu","cert":"","virtualHostedStyle":false,"refreshIntervalInSeconds":60}'],
  ['storage-network', '{"vlan":100,"clusterNetwork":"data","range":"192.168.1.0/24","exclude":["192.168.1.1/32"]}'],
  ['csi-driver-config', '{"driver.longhorn.io":{"volumeSnapshotClassName":"longhorn-snapshot"}}'],
  ['log-level', 'debug'],
  ['longhorn-v2-data-engine-enabled', 'true'],
  ['additional-ca', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  ['instance-manager-resources', '{"cpu":{"v1":12}}'],
  ['of-the-future', '{"anything":[1]}'],
  ['of-the-future', 'anything'],
])('%s keeps %j', (name, value) => {
  const { shape } = shapeOf(name, value)
  const written = valueFor(shape, settingModel(shape, value), value)
  expect(/^[[{]/.test(value) ? JSON.parse(written) : written).toEqual(/^[[{]/.test(value) ? JSON.parse(value) : value)
})

describe('changes', () => {
  it('keeps fields it knows nothing of', () => {
    const before = '{"cpu":1600,"memory":150,"storage":200,"future":{"x":1}}'
    const model = settingModel(shape('overcommit-config'), before)
    model.values['cpu'] = '800'
    expect(JSON.parse(valueFor(shape('overcommit-config'), model, before))).toEqual({ cpu: 800, memory: 150, storage: 200, future: { x: 1 } })
  })
  it('turns a dedicated network on and off', () => {
    const model = settingModel(shape('storage-network'), '')
    expect(model.isOn).toBe(false)
    Object.assign(model.values, { clusterNetwork: 'data', vlan: '5', range: '10.0.0.0/24', exclude: ' 10.0.0.1/32 \n\n10.0.0.2/32' })
    const value = valueFor(shape('storage-network'), { ...model, isOn: true }, '')
    expect(JSON.parse(value)).toEqual({ clusterNetwork: 'data', vlan: 5, range: '10.0.0.0/24', exclude: ['10.0.0.1/32', '10.0.0.2/32'] })
    expect(valueFor(shape('storage-network'), { ...model, isOn: false }, value)).toBe('')
  })
  it('leaves a secret with the cluster unless it is typed', () => {
    const before = '{"publicCertificate":"c","privateKey":"k","ca":""}'
    const model = settingModel(shape('ssl-certificates'), before)
    expect(JSON.parse(valueFor(shape('ssl-certificates'), { ...model, values: { ...model.values, privateKey: '' } }, before))).toMatchObject({ privateKey: 'k' })
    expect(JSON.parse(valueFor(shape('ssl-certificates'), { ...model, values: { ...model.values, privateKey: 'n' } }, before))).toMatchObject({ privateKey: 'n' })
  })
  it('drops what belongs to another choice', () => {
    const before = '{"type":"s3","endpoint":"","bucketName":"vms","bucketRegion":"eu"}'
    const model = settingModel(shape('backup-target'), before)
    Object.assign(model.values, { type: 'nfs', endpoint: 'nfs://10.0.0.1:/b' })
    expect(JSON.parse(valueFor(shape('backup-target'), model, before))).toEqual({ type: 'nfs', endpoint: 'nfs://10.0.0.1:/b', refreshIntervalInSeconds: 60 })
  })
})

it.each([
  [{ kind: 'number' as const, min: 1, max: 5 }, '3', null],
  [{ kind: 'number' as const, min: 1, max: 5 }, '6', 'number'],
  [{ kind: 'number' as const }, 'x', 'number'],
  [{ kind: 'number' as const }, '', 'required'],
  [{ kind: 'number' as const, optional: true }, ' ', null],
  [{ kind: 'json' as const }, '{"a":1}', null],
  [{ kind: 'json' as const }, '{a}', 'json'],
  [{ kind: 'url' as const }, 'javascript:alert(1)', 'url'],
  [{ kind: 'url' as const }, 'https://x.example/y', null],
  [{ kind: 'secret' as const }, '', null],
  [{ kind: 'boolean' as const }, false, null],
])('%j with %j: %j', (field, value, problem) => expect(fieldProblem(field, value)).toBe(problem))

describe('what is shown', () => {
  it('hides secrets, however deep', () => {
    const { text } = shownValue(shapeOf('containerd-registry', ''), '{"Configs":{"r.example":{"Auth":{"Username":"u","Password":"p","Auth":"abc"}}}}')
    expect(text).toContain('"Username": "u"')
    expect(text).not.toContain('"p"')
    expect(text).not.toContain('abc')
  })
  it.each([
    ['info', 'info', false],
    ['{}', '', false],
    ['{"a":1}', '{\n  "a": 1\n}', true],
    ['a\nb', 'a\nb', true],
    ['{broken', '{broken', false],
  ])('%j', (value, text, isLong) => expect(shownValue(shapeOf('x', value), value)).toEqual({ text, isLong }))
})

it('says why the cluster could not', () => {
  expect(problemOf({ ...setting(), status: { conditions: [{ type: 'configured', status: 'False', message: 'unreachable' }] } })).toBe('unreachable')
  expect(problemOf({ ...setting(), status: { conditions: [{ type: 'configured', status: 'True', message: 'fine' }] } })).toBeUndefined()
})
