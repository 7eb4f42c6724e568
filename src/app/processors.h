/* How many processors there are for this process. */
#pragma once

/* Those it may run on, by its affinity; at least 1. */
unsigned processors_allowed(void);
