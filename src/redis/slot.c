/* Hash slots of Redis Cluster: CRC16 (XMODEM: polynomial 0x1021, from 0) of the hash tag,
 * modulo 16384 (Redis Cluster specification, "Key distribution model" and "Hash tags"). */
#include "redis/slot.h"

#include <nightscope/redis.h>
#include <string.h>

/* By the bit: a key is short, and looked up once for a batch. */
uint16_t slot_crc16(const char *bytes, size_t n)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)(uint8_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

unsigned redis_slot(const char *key)
{
    const char *open = strchr(key, '{');
    const char *close = open ? strchr(open + 1, '}') : NULL;
    if (close && close > open + 1) /* the first {...}, unless it is empty */
        return slot_crc16(open + 1, (size_t)(close - open - 1)) % SLOT_COUNT;
    return slot_crc16(key, strlen(key)) % SLOT_COUNT;
}
