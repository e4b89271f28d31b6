/** What a container may do beyond running processes. */
import { DEVICES, DEVNODES, PCI } from '../devices.js';
import { CAPABILITY, FEATURES } from '../switches.js';
import { type Parameter, stored } from './parameter.js';

export const SECURITY: readonly Parameter[] = [
  stored(['CAPABILITY', '--capability'], CAPABILITY, 'capability its processes may or may not have'),
  stored(['FEATURES', '--features'], FEATURES, 'what it may or may not use of the kernel'),
  stored(['DEVNODES', '--devnodes'], DEVNODES, 'device of the host by its name below /dev'),
  stored(['DEVICES', '--devices'], DEVICES, 'device by its numbers, without a node'),
  stored(['PCI', '--pci_add'], PCI, 'PCI device to hand over'),
  stored(['PCI', '--pci_del'], PCI, 'PCI device to give back', {
    placeholder: 'ADDRESS|all',
    edit: 'remove',
  }),
];
