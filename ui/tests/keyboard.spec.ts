/** Flows 2 and 4 without a mouse: importing a cluster, then a machine from nothing to stopped and deleted. */
import type { Locator, Page } from '@playwright/test'

import { enter, expect, goBy, settleIn, PASSWORD, test } from './world'

/** More presses than any page has stops. */
const MAX_STOPS = 150

/** Goes on with Tab (or back with Shift+Tab) until the control has the focus, and the focus can be seen. */
async function tabTo(page: Page, control: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await expect(control).toBeVisible()
  for (let stops = 0; stops < MAX_STOPS; stops++) {
    if (await control.evaluate((element) => element === document.activeElement)) {
      const ring = await control.evaluate((element) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element)
        const around = element.parentElement ? getComputedStyle(element.parentElement).boxShadow : 'none'
        return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none' || around !== 'none'
      })
      expect(ring, 'the focus is visible').toBe(true)
      return
    }
    await page.keyboard.press(key)
  }
  throw new Error(`the keyboard does not reach ${control.toString()}`)
}

async function type(page: Page, field: Locator, text: string): Promise<void> {
  await tabTo(page, field)
  await page.keyboard.press('Control+a')
  await page.keyboard.type(text)
}

async function press(page: Page, control: Locator): Promise<void> {
  await tabTo(page, control)
  await page.keyboard.press('Enter')
}

test('flow 2 by keys: log in, import, watch it become ready, enter it', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  const harvester = await world.startCluster('paddock', ['--vms', '3'])
  await page.goto(`${world.url}/dashboard/`)
  await type(page, page.getByLabel('User name'), 'admin')
  await type(page, page.getByRole('textbox', { name: 'assword' }), PASSWORD)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: /Welcome/ })).toBeVisible()

  await press(page, page.getByRole('link', { name: 'Skip to content' }))
  await press(page, page.getByRole('link', { name: 'Import a Harvester cluster' }))
  await expect(page.getByRole('heading', { name: 'Import a Harvester cluster' })).toBeVisible()
  await type(page, page.getByLabel('Cluster Name'), 'paddock')
  await tabTo(page, page.getByRole('tab', { name: 'Member Roles' }))
  await page.keyboard.press('ArrowRight')
  await press(page, page.getByRole('button', { name: 'Add variable' }))
  await expect(page.getByLabel('Name 1')).toBeFocused()
  await page.keyboard.type('NO_PROXY')
  await type(page, page.getByLabel('Value 1'), '10.0.0.0/8')
  await press(page, page.getByRole('button', { name: 'Create' }))
  const url = page.getByRole('group', { name: 'Registration URL' })
  await tabTo(page, url.getByRole('button'))
  await page.keyboard.press('Enter')
  await harvester.register(await url.getByRole('code').innerText())
  await expect(page.getByText('paddock is connected and ready')).toBeVisible()
  await press(page, page.getByRole('link', { name: 'Manage', exact: true }))
  await expect(page.getByRole('heading', { name: 'Capacity' })).toBeVisible()
})

/** Waits until an opened menu takes keys and shows the item: which actions there are is asked of the cluster. */
async function inMenu(page: Page, item: string): Promise<void> {
  const menu = page.getByRole('menu')
  await expect(menu.getByRole('menuitem', { name: item })).toBeVisible()
  await expect.poll(() => menu.evaluate((element) => element.contains(document.activeElement))).toBe(true)
}

test('flow 4 by keys: an image, a machine, paused, stopped, deleted', async ({ page, world }) => {
  await enter(page, world)
  await goBy(page, 'i', page.getByRole('heading', { name: 'No Images yet' }))
  await press(page, page.getByRole('main').getByRole('link', { name: 'Create Image' }).first())
  await type(page, page.getByLabel('URL'), 'https://images.example.org/ubuntu.img')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'ubuntu.img' })).toBeVisible()
  await press(page, page.getByRole('button', { name: 'Create Virtual Machine' }))
  const basics = page.getByRole('region', { name: 'Basics' })
  await expect(basics.getByLabel('Name', { exact: true })).toBeFocused()
  await page.keyboard.type('mare')

  // A list of choices, a check mark and a row that is added, moved and taken out, all by keys.
  await tabTo(page, basics.getByLabel('Template'))
  await tabTo(page, page.getByRole('button', { name: 'Add Volume' }))
  await page.keyboard.press('Enter')
  const row = page.getByRole('group', { name: 'Volume disk-1' })
  await type(page, row.getByLabel('Size (GiB)'), '5')
  await press(page, page.getByRole('button', { name: 'Add Container Image' }))
  const extra = page.getByRole('group', { name: 'Volume disk-2' })
  await tabTo(page, extra.getByRole('button', { name: 'Remove disk-2' }), 'Shift+Tab')
  await page.keyboard.press('Enter')
  await expect(extra).toHaveCount(0)
  await tabTo(page, page.getByLabel('Install guest agent'))
  await page.keyboard.press('Space')
  await expect(page.getByLabel('Install guest agent')).not.toBeChecked()
  await press(page, page.getByRole('button', { name: 'Create virtual machine' }))
  await expect(page.getByRole('heading', { name: 'mare', exact: true })).toBeVisible()
  const main = page.getByRole('main')
  await expect(main.getByRole('button', { name: 'Stop', exact: true })).toBeVisible()

  await press(page, page.getByRole('button', { name: 'Actions for mare' }))
  await inMenu(page, 'Pause')
  await page.keyboard.type('Pau')
  await expect(page.getByRole('menuitem', { name: 'Pause' })).toBeFocused()
  await page.keyboard.press('Enter')
  await press(page, page.getByRole('button', { name: 'Unpause' }))
  await expect(page.getByRole('button', { name: 'Restart' })).toBeVisible()
  await press(page, page.getByRole('button', { name: 'Stop', exact: true }))
  await press(page, page.getByRole('alertdialog').getByRole('button', { name: 'Stop' }))
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible()

  await goBy(page, 'v', page.getByRole('heading', { name: 'Virtual Machines', level: 1 }))
  await expect(page.getByRole('row')).toHaveCount(2)
  await page.keyboard.press('j')
  await page.keyboard.press('.')
  await inMenu(page, 'Delete')
  await page.keyboard.type('Del')
  await expect(page.getByRole('menuitem', { name: 'Delete' })).toBeFocused()
  await page.keyboard.press('Enter')
  const remove = page.getByRole('alertdialog', { name: 'Delete mare?' })
  await type(page, remove.getByLabel('Type mare to confirm'), 'mare')
  await press(page, remove.getByRole('button', { name: 'Delete' }))
  await expect(page.getByRole('heading', { name: 'No Virtual Machines yet' })).toBeVisible()
})
