import type { Component } from 'vue'

export interface PickItem {
  id: string
  label: string
  note?: string | undefined
  icon?: Component | undefined
}

export interface PickSection {
  title: string
  items: PickItem[]
}
