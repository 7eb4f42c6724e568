/* Class rules: one function a protocol. */
#include "packet/class.h"

#include "packet/cursor.h"

uint8_t class_of_icmp(uint8_t type)
{
    switch (type) {
    case 0:  /* echo reply */
    case 3:  /* unreachable */
    case 4:  /* source quench */
    case 5:  /* redirect */
    case 11: /* time exceeded */
    case 12: /* parameter problem */
    case 14: /* timestamp reply */
    case 16: /* information reply */
    case 18: /* address mask reply */
        return CLASS_BACKSCATTER;
    case 8:  /* echo */
    case 13: /* timestamp */
    case 15: /* information */
    case 17: /* address mask */
        return CLASS_SCAN;
    default:
        return CLASS_OTHER;
    }
}

uint8_t class_of_icmp6(uint8_t type)
{
    enum { ECHO_REQUEST = 128, ECHO_REPLY = 129 };
    if (type < 128 || type == ECHO_REPLY) /* RFC 4443 section 2.1: errors are below 128 */
        return CLASS_BACKSCATTER;
    return type == ECHO_REQUEST ? CLASS_SCAN : CLASS_OTHER;
}

uint8_t class_of_sctp(uint8_t chunk_type)
{
    enum { INIT = 1, INIT_ACK = 2, ABORT = 6 };
    switch (chunk_type) {
    case INIT:
        return CLASS_SCAN;
    case INIT_ACK:
    case ABORT:
        return CLASS_BACKSCATTER;
    default:
        return CLASS_OTHER;
    }
}

static bool starts_with(const uint8_t *payload, uint32_t n, const char *text)
{
    size_t length = strlen(text);
    return n >= length && memcmp(payload, text, length) == 0;
}

static bool is_dns_response(const uint8_t *payload, uint32_t n)
{
    return n >= 12 && payload[2] & 0x80;
}

/* RFC 5905 section 7.3: mode 4 is a server's. RFC 9327: mode 6 has a response bit in its second
 * byte; the private mode 7 has it in its first. */
static bool is_ntp_response(const uint8_t *payload, uint32_t n)
{
    unsigned mode = n > 0 ? payload[0] & 7 : 0;
    return mode == 4 || (mode == 6 && n > 1 && payload[1] & 0x80) ||
           (mode == 7 && payload[0] & 0x80);
}

/* RFC 4511: SEQUENCE { messageID INTEGER, searchResEntry [4] or searchResDone [5] }. */
static bool is_cldap_result(const uint8_t *payload, uint32_t n)
{
    struct cursor cursor = {.at = payload, .cap = n, .wire = n};
    unsigned sequence = cursor_take(&cursor, 1)[0];
    unsigned length = cursor_take(&cursor, 1)[0];
    if (length & 0x80) {
        if ((length & 0x7f) > 4)
            return false;
        cursor_skip(&cursor, length & 0x7f);
    }
    unsigned integer = cursor_take(&cursor, 1)[0];
    unsigned id_length = cursor_take(&cursor, 1)[0];
    if (sequence != 0x30 || integer != 0x02 || id_length == 0 || id_length > 5)
        return false;
    cursor_skip(&cursor, id_length);
    unsigned operation = cursor_take(&cursor, 1)[0];
    return !cursor.failed && (operation == 0x64 || operation == 0x65);
}

/* After a header of 8 bytes (request, sequence number, datagrams, reserved): a result line, a
 * binary response, or a datagram after the first, which a request never has. */
static bool is_memcached_result(const uint8_t *payload, uint32_t n)
{
    static const char *const lines[] = {
        "STAT ",     "VALUE ",     "END\r\n",     "VERSION ",      "ERROR\r\n",
        "OK\r\n",    "RESET\r",    "CLIENT_ERRO", "SERVER_ERROR ", "STORED\r\n",
        "DELETED\r", "EXISTS\r\n", "TOUCHED",     "NOT_FOUND\r",   "NOT_STORED\r",
    };
    if (n < 8)
        return false;
    unsigned sequence = read_be16(payload + 2), datagrams = read_be16(payload + 4);
    if (sequence > 0 && sequence < datagrams)
        return true;
    if (n > 8 && payload[8] == 0x81)
        return true;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (starts_with(payload + 8, n - 8, lines[i]))
            return true;
    return false;
}

uint8_t class_of_udp(uint16_t srcport, const uint8_t *payload, uint32_t caplen)
{
    uint32_t n = caplen < CLASS_PAYLOAD_MAX ? caplen : CLASS_PAYLOAD_MAX;
    bool response = false;
    switch (srcport) {
    case 53:
    case 5353: /* multicast DNS */
        response = is_dns_response(payload, n);
        break;
    case 123:
        response = is_ntp_response(payload, n);
        break;
    case 389:
        response = is_cldap_result(payload, n);
        break;
    case 1900:
        response = starts_with(payload, n, "HTTP/1.1 200");
        break;
    case 5060:
        response = starts_with(payload, n, "SIP/2.0");
        break;
    case 11211:
        response = is_memcached_result(payload, n);
        break;
    default:
        break;
    }
    return response ? CLASS_BACKSCATTER : CLASS_SCAN;
}
