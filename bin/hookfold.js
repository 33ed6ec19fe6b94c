#!/usr/bin/env node
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built } from './build.js';

await import(pathToFileURL(join(built(), 'src', 'main.js')).href);
