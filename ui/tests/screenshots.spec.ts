/**
 * Twelve pages as people see them: both themes, three widths. Nothing may stick out of the page. The pictures are for
 * looking at; they go to `GRANGE_SCREENSHOTS`, by default a folder for temporary files.
 */
import type { Page } from '@playwright/test'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { enter, eventually, expect, send, settleIn, logIn, test } from './world'

const FOLDER = process.env['GRANGE_SCREENSHOTS'] ?? join(tmpdir(), 'grange-screenshots')
const WIDTHS = [1440, 1024, 390]
const HEIGHTS: Record<number, number> = { 1440: 900, 1024: 768, 390: 844 }

/** The page as it stands, in every theme and width. */
async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHTS[width] ?? 900 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      // Two frames: the layout of the width, then what follows from it.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      expect(overflow, `${name} sticks out at ${width}`).toBeLessThanOrEqual(0)
      await page.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`), animations: 'disabled', caret: 'hide' })
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
}

test('a server before its first cluster', async ({ page, world }) => {
  await world.startServer()
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.goto(world.url)
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible()
  await shoot(page, '01-login')
  await settleIn(world)
  const harvester = await world.startCluster('paddock')
  await logIn(page, world)
  await page.getByRole('link', { name: 'Import a Harvester cluster' }).click()
  await page.getByLabel('Cluster Name').fill('paddock')
  await page.getByLabel('Description').fill('The cluster in the barn')
  await page.getByRole('button', { name: 'Create' }).click()
  const url = await page.getByRole('group', { name: 'Registration URL' }).getByRole('code').innerText()
  await harvester.register(url.replace(/[^/]+$/, 'wrong.yaml')).catch(() => undefined)
  await harvester.register(url)
  await expect(page.getByText('paddock is connected and ready')).toBeVisible()
  await shoot(page, '03-registration')
})

/** A cluster with something in it. */
async function furnish(api: (path: string, object: object) => Promise<void>, read: (path: string) => Promise<Record<string, unknown>>): Promise<void> {
  const images = '/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages'
  for (const [name, file] of [['ubuntu', 'ubuntu-24.04-server-cloudimg-amd64.img'], ['debian', 'debian-12-genericcloud-amd64.qcow2'], ['rocky', 'Rocky-9-GenericCloud.latest.x86_64.qcow2']]) {
    await api(images, {
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'VirtualMachineImage',
      metadata: { name, namespace: 'default', annotations: { 'field.cattle.io/description': 'Cloud image' } },
      spec: { displayName: file, sourceType: 'download', url: `https://images.example.org/${file}`, retry: 3, checksum: '', backend: 'backingimage', targetStorageClassName: 'harvester-longhorn' },
    })
  }
  await eventually('the images', async () => {
    const { items } = (await read(images)) as { items: { status?: { progress?: number } }[] }
    return items.every(({ status }) => status?.progress === 100) || null
  })
  for (const [name, size] of [['database', '80Gi'], ['backups', '200Gi'], ['shared', '40Gi']]) {
    await api('/api/v1/namespaces/default/persistentvolumeclaims', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', storageClassName: 'harvester-longhorn', resources: { requests: { storage: size } } } })
  }
}

test('a cluster with machines', async ({ page, world }) => {
  test.slow()
  await page.setViewportSize({ width: 1440, height: 900 })
  const { harvester, id } = await enter(page, world, ['--vms', '24'])
  const call = async (method: string, path: string, body?: object, type?: string): Promise<Record<string, unknown>> => {
    const answer = await send(method, harvester.url + path, harvester.token, body, type)
    expect(answer.code, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  await furnish(async (path, object) => void (await call('POST', path, object)), (path) => call('GET', path))
  const machines = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines'
  for (const name of ['vm-0003', 'vm-0007', 'vm-0011']) await call('PATCH', `${machines}/${name}`, { spec: { runStrategy: 'Halted' } }, 'application/merge-patch+json')
  await call('PUT', '/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm-0005/pause', {})
  const meadow = await world.startCluster('meadow', ['--vms', '5'])
  await world.importCluster(meadow)
  const barn = await world.startCluster('barn')
  await world.importCluster(barn)
  await barn.process.stop('SIGKILL')
  const at = `${world.url}/dashboard/c/${id}`

  await page.goto(`${world.url}/dashboard/`)
  await expect(page.getByRole('main').getByRole('link', { name: 'meadow' })).toBeVisible()
  await expect(page.getByRole('main').getByText('Unreachable').first()).toBeVisible()
  await shoot(page, '02-home')
  await page.goto(`${world.url}/dashboard/clusters`)
  await expect(page.getByRole('row').filter({ hasText: 'paddock' })).toContainText('v1.6.1')
  await shoot(page, '04-clusters')
  await page.goto(at)
  await expect(page.getByText('Paused')).toBeVisible()
  await expect(page.getByRole('row').nth(3)).toBeVisible()
  await shoot(page, '05-dashboard')
  await page.goto(`${at}/virtualmachines.kubevirt.io`)
  await expect(page.getByRole('row').filter({ hasText: 'vm-0003' })).toContainText('Stopped')
  await expect(page.getByRole('row').filter({ hasText: 'vm-0005' })).toContainText('Paused')
  await shoot(page, '06-machines')
  await page.goto(`${at}/virtualmachines.kubevirt.io/default/vm-0001`)
  await expect(page.getByRole('heading', { name: 'vm-0001' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Stop', exact: true })).toBeVisible()
  await shoot(page, '07-machine')
  await page.goto(`${at}/virtualmachines.kubevirt.io/create`)
  const basics = page.getByRole('region', { name: 'Basics' })
  await basics.getByLabel('Name', { exact: true }).fill('mare')
  await basics.getByLabel('Image').selectOption({ label: 'default/ubuntu-24.04-server-cloudimg-amd64.img' })
  await shoot(page, '08-create-machine')
  await page.goto(`${at}/virtualmachineimages.harvesterhci.io`)
  await expect(page.getByRole('row')).toHaveCount(4)
  await shoot(page, '09-images')
  await page.goto(`${at}/nodes`)
  await page.getByRole('row').nth(1).getByRole('link').first().click()
  await expect(page.getByRole('tab', { name: /Instances/ })).toBeVisible()
  await shoot(page, '10-host')
  await page.goto(`${at}/virtualmachines.kubevirt.io/default/vm-0001?tab=yaml`)
  await expect(page.getByRole('textbox', { name: 'YAML editor' }).or(page.getByText('kind: VirtualMachine')).first()).toBeVisible()
  await shoot(page, '11-yaml')
  await page.goto(`${at}/settings.harvesterhci.io`)
  await expect(page.getByRole('region', { name: 'overcommit-config' })).toBeVisible()
  await shoot(page, '12-settings')
  await page.goto(`${at}/virtualmachines.kubevirt.io`)
  await expect(page.getByRole('row').nth(2)).toBeVisible()
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('combobox', { name: 'Search or jump' })).toBeFocused()
  await page.keyboard.type('vm-00')
  await expect(page.getByRole('option').first()).toBeVisible()
  await shoot(page, '13-palette')
})
