/**
 * What people do to machines where there is more than one host: migrate, hot-plug, move storage; and where disks are.
 *
 * The stand-in is one host of an older release. What the newer one says of itself is written into it, and only whether a
 * machine could move is put into its answers on their way to the browser: its own controllers would take that back.
 */
import type { Locator, Page } from '@playwright/test'

import { audit, enter, eventually, expect, nav, send, test, type Cluster } from './world'

const MACHINE = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines/vm-0001'
const HARVESTER = '/apis/harvesterhci.io/v1beta1'
const LONGHORN = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
const CLAIM_TEMPLATES = 'harvesterhci.io/volumeClaimTemplates'
const GIB = 2 ** 30

interface Nic {
  name: string
  macAddress?: string
  state?: string
}
interface Machine {
  metadata: { annotations: Record<string, string> }
  spec: { template: { spec: { networks: object[]; volumes: object[]; domain: { cpu: { sockets?: number }; memory: { guest?: string }; devices: { interfaces: Nic[]; disks: object[] } } } } }
}

async function request<T = Record<string, unknown>>({ url, token }: Cluster, method: string, path: string, body?: object): Promise<T> {
  const answer = await send(method, url + path, token, body, method === 'PATCH' ? 'application/merge-patch+json' : 'application/json')
  expect(answer.code, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300)
  return answer.body as T
}

/** Machines can move, as far as the browser is told. */
async function sayMovable(page: Page): Promise<void> {
  await page.route(/\/virtualmachineinstances\?/, async (route) => {
    // A changed answer would be followed by the true one.
    if (new URL(route.request().url()).searchParams.get('watch')) return
    const response = await route.fetch()
    const list = (await response.json()) as { items: { status?: { conditions?: { type: string; status: string }[] } }[] }
    for (const condition of list.items.flatMap(({ status }) => status?.conditions ?? [])) if (condition.type === 'LiveMigratable') condition.status = 'True'
    await route.fulfill({ response, json: list })
  })
}

/** From now on migrations begin, and are noted in `asked`; the stand-in refuses them, having nowhere to go. */
async function letMigrate(page: Page, asked: object[]): Promise<void> {
  await page.route(/\/virtualmachineinstancemigrations\?/, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    const migration = route.request().postDataJSON() as { spec: object }
    asked.push(migration.spec)
    await route.fulfill({ status: 201, json: migration })
  })
}

async function makeClaim(harvester: Cluster, name: string): Promise<void> {
  const claims = '/api/v1/namespaces/default/persistentvolumeclaims'
  await request(harvester, 'POST', claims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', storageClassName: 'harvester-longhorn', resources: { requests: { storage: '1Gi' } } },
  })
  await eventually(name, async () => {
    const { status } = await request<{ status?: { phase?: string } }>(harvester, 'GET', `${claims}/${name}`)
    return status?.phase === 'Bound' || null
  })
}

/** A machine that can be given more while it runs, and a second host to move it to. */
async function equip(harvester: Cluster): Promise<void> {
  for (const name of ['hay', 'straw']) await makeClaim(harvester, name)
  await request(harvester, 'POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'meadow', labels: { 'kubernetes.io/hostname': 'meadow', 'kubevirt.io/schedulable': 'true' } } })
  await request(harvester, 'PATCH', '/api/v1/nodes/meadow/status', { status: { conditions: [{ type: 'Ready', status: 'True' }] } })
  await request(harvester, 'PATCH', `${HARVESTER}/settings/server-version`, { value: 'v1.8.0' })
  const networks = '/apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions'
  await request(harvester, 'POST', networks, {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name: 'yard', namespace: 'default', labels: { 'network.harvesterhci.io/type': 'L2VlanNetwork', 'network.harvesterhci.io/clusternetwork': 'mgmt', 'network.harvesterhci.io/vlan-id': '7' } },
    spec: { config: JSON.stringify({ cniVersion: '0.3.1', name: 'yard', type: 'bridge', bridge: 'mgmt-br', promiscMode: true, vlan: 7, ipam: {} }) },
  })
  const { spec } = await request<Machine>(harvester, 'GET', MACHINE)
  const { volumes, domain } = spec.template.spec
  await request(harvester, 'PATCH', MACHINE, {
    metadata: {
      annotations: {
        'harvesterhci.io/enableCPUAndMemoryHotplug': 'true',
        [CLAIM_TEMPLATES]: JSON.stringify([{ metadata: { name: 'hay' }, spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '1Gi' } } } }]),
      },
    },
    spec: {
      template: {
        spec: {
          volumes: [...volumes, { name: 'hay', persistentVolumeClaim: { claimName: 'hay' } }],
          domain: {
            cpu: { sockets: 1, cores: 1, threads: 1, maxSockets: 4 },
            memory: { guest: '1Gi', maxGuest: '4Gi' },
            devices: {
              disks: [...domain.devices.disks, { name: 'hay', disk: { bus: 'virtio' } }],
              interfaces: domain.devices.interfaces.map((nic, index) => ({ ...nic, macAddress: `52:54:00:00:00:0${index}` })),
            },
          },
        },
      },
    },
  })
}

/** Opens a dialog of the machine, and looks at it. */
async function ask(page: Page, action: string): Promise<Locator> {
  await page.getByRole('button', { name: 'Actions for vm-0001' }).click()
  await page.getByRole('menuitem', { name: action, exact: true }).click()
  const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'))
  await expect(dialog).toBeVisible()
  return dialog
}

test('a running machine grows, moves, gets an interface and other storage', async ({ page, world }) => {
  const asked: object[] = []
  await sayMovable(page)
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await equip(harvester)
  // Which release the cluster is was asked when its first page came.
  await page.reload()
  await nav(page).getByRole('link', { name: /^Virtual Machines/ }).click()
  await expect(page.getByRole('heading', { name: 'Virtual Machines', level: 1 })).toBeVisible()
  await page.getByRole('row').getByRole('link', { name: 'vm-0001' }).click()
  await expect(page.getByRole('heading', { name: 'vm-0001', level: 1 })).toBeVisible()
  const machine = (): Promise<Machine> => request<Machine>(harvester, 'GET', MACHINE)

  let dialog = await ask(page, 'Edit CPU and Memory')
  const cores = dialog.getByLabel('CPU (at most 4)')
  await cores.fill('9')
  await expect(cores).toHaveAccessibleDescription(/its maximum/)
  await expect(dialog.getByRole('button', { name: 'Change' })).toBeDisabled()
  await audit(page)
  await cores.fill('3')
  await dialog.getByLabel('Memory in GiB (at most 4)').fill('2')
  await dialog.getByRole('button', { name: 'Change' }).click()
  await expect(dialog).toBeHidden()
  expect((await machine()).spec.template.spec.domain).toMatchObject({ cpu: { sockets: 3 }, memory: { guest: '2Gi' } })

  dialog = await ask(page, 'Migrate')
  await dialog.getByLabel('Target node').selectOption({ label: 'meadow' })
  await dialog.getByRole('button', { name: 'Migrate' }).click()
  await expect(dialog.getByRole('alert')).toContainText('nowhere to migrate')
  await audit(page)
  await letMigrate(page, asked)
  await dialog.getByRole('button', { name: 'Migrate' }).click()
  await expect(dialog).toBeHidden()
  expect(asked).toEqual([{ vmiName: 'vm-0001', addedNodeSelector: { 'kubernetes.io/hostname': 'meadow' } }])

  dialog = await ask(page, 'Add Network Interface')
  await dialog.getByLabel('MAC address').fill('no address')
  await expect(dialog.getByLabel('MAC address')).toHaveAccessibleDescription(/52:54|hexadecimal|address/)
  await audit(page)
  await dialog.getByLabel('MAC address').fill('52:54:00:aa:bb:cc')
  await dialog.getByLabel('Network').selectOption({ label: 'default/yard' })
  await dialog.getByRole('button', { name: 'Add and Migrate' }).click()
  await expect(dialog).toBeHidden()
  const added = (await machine()).spec.template.spec
  expect(added.networks.at(-1)).toMatchObject({ multus: { networkName: 'default/yard' } })
  expect(added.domain.devices.interfaces.at(-1)).toMatchObject({ macAddress: '52:54:00:aa:bb:cc', bridge: {} })

  await page.unroute(/\/virtualmachineinstancemigrations\?/)
  dialog = await ask(page, 'Remove Network Interface')
  await dialog.getByRole('button', { name: 'Remove and Migrate' }).click()
  await expect(dialog.getByRole('alert')).toContainText(/change is in vm-0001's configuration.*nowhere to migrate/)
  await audit(page)
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  expect((await machine()).spec.template.spec.domain.devices.interfaces.at(-1)).toMatchObject({ state: 'absent' })
  expect(asked).toHaveLength(2)

  dialog = await ask(page, 'Migrate Storage')
  await dialog.getByLabel('From').selectOption({ label: 'hay (1 GiB)' })
  await dialog.getByLabel('To').selectOption({ label: 'straw (1 GiB)' })
  await audit(page)
  await dialog.getByRole('button', { name: 'Migrate' }).click()
  await expect(dialog).toBeHidden()
  const moving = JSON.parse((await machine()).metadata.annotations[CLAIM_TEMPLATES] ?? '[]') as object[]
  expect(moving).toMatchObject([{ metadata: { name: 'hay' }, targetVolume: 'straw' }])
  await page.getByRole('button', { name: 'Actions for vm-0001' }).click()
  await page.getByRole('menuitem', { name: 'Cancel Storage Migration' }).click()
  await audit(page)
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel Storage Migration' }).click()
  await expect(page.getByRole('alertdialog')).toBeHidden()
  await eventually('the move to be given up', async () => !(await machine()).metadata.annotations[CLAIM_TEMPLATES]?.includes('targetVolume') || null)
})

test('the disks of a host: tags, one more, one less', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  const { items } = await request<{ items: { metadata: { name: string } }[] }>(harvester, 'GET', '/api/v1/nodes')
  const host = items[0]?.metadata.name ?? ''
  await request(harvester, 'POST', `${LONGHORN}/nodes`, {
    apiVersion: 'longhorn.io/v1beta2',
    kind: 'Node',
    metadata: { name: host, namespace: 'longhorn-system' },
    spec: { disks: { sda: { path: '/var/lib/harvester/sda', allowScheduling: true, storageReserved: 0, tags: [] } } },
  })
  await request(harvester, 'PATCH', `${LONGHORN}/nodes/${host}/status`, {
    status: { diskStatus: { sda: { storageMaximum: 100 * GIB, storageAvailable: 60 * GIB, storageScheduled: 50 * GIB, conditions: [{ type: 'Ready', status: 'True' }] } } },
  })
  const devices = `${HARVESTER}/namespaces/longhorn-system/blockdevices`
  for (const [name, provision] of [['sda', true], ['sdb', false]] as const) {
    await request(harvester, 'POST', devices, {
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'BlockDevice',
      metadata: { name, namespace: 'longhorn-system', labels: { 'kubernetes.io/hostname': host } },
      spec: { nodeName: host, devPath: `/dev/${name}`, provision, fileSystem: { mountPoint: '' } },
      status: { state: 'Active', provisionPhase: provision ? 'Provisioned' : 'Unprovisioned', deviceStatus: { devPath: `/dev/${name}`, capacity: { sizeBytes: 100 * GIB, physicalBlockSizeBytes: 512 }, details: { deviceType: 'disk', driveType: 'SSD' }, partitioned: false, fileSystem: { type: '', mountPoint: '' } } },
    })
  }

  await nav(page).getByRole('link', { name: /^Hosts/ }).click()
  await expect(page.getByRole('heading', { name: 'Hosts', level: 1 })).toBeVisible()
  await page.getByRole('row').getByRole('link', { name: host }).click()
  await page.getByRole('tab', { name: /Storage/ }).click()
  const used = page.getByRole('table', { name: 'In use' })
  await expect(used.getByRole('row').filter({ hasText: '/dev/sda' })).toContainText('/var/lib/harvester/sda')
  await page.getByRole('button', { name: 'Edit tags of /dev/sda' }).click()
  await audit(page)
  await page.getByRole('dialog').getByRole('textbox').fill('fast, hot')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(used).toContainText('fast, hot')

  await page.getByRole('button', { name: 'Add /dev/sdb' }).click()
  await page.getByRole('dialog').getByRole('combobox').selectOption({ label: 'Longhorn V2' })
  await audit(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click()
  await expect(page.getByRole('dialog')).toBeHidden()
  const { spec } = await request<{ spec: object }>(harvester, 'GET', `${devices}/sdb`)
  expect(spec).toMatchObject({ provision: true, fileSystem: { forceFormatted: true }, provisioner: { longhorn: { engineVersion: 'LonghornV2' } } })

  await page.getByRole('button', { name: 'Remove /dev/sda' }).click()
  await audit(page)
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await eventually('the disk to be given back', async () => {
    const { spec } = await request<{ spec: { provision?: boolean } }>(harvester, 'GET', `${devices}/sda`)
    return spec.provision === false || null
  })
})
