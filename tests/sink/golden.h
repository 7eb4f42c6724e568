/* Golden files: tests/sink/golden/. NIGHTSCOPE_REGENERATE=1 writes them anew, to be read and
 * committed by a person. */
#pragma once

void golden_check(const char *name, const char *text);
