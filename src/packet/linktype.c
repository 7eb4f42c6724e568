/* Link-layer numbers of capture files. */
#include <nightscope/packet.h>

enum link link_from_linktype(uint32_t linktype)
{
    switch (linktype) {
    case 0:
        return LINK_NULL;
    case 1:
        return LINK_ETHERNET;
    case 9:   /* PPP */
    case 50:  /* PPP in HDLC-like framing, or Cisco HDLC */
    case 166: /* as pppd writes it: a direction in the place of the address byte */
        return LINK_PPP;
    case 12:  /* DLT_RAW of most systems */
    case 14:  /* DLT_RAW of OpenBSD */
    case 101: /* LINKTYPE_RAW */
    case 228: /* LINKTYPE_IPV4 */
    case 229: /* LINKTYPE_IPV6 */
        return LINK_RAW;
    case 51:
        return LINK_PPP_ETHER;
    case 104:
    case 112: /* of some old Linux distributions */
        return LINK_CHDLC;
    case 108:
        return LINK_LOOP;
    case 113:
        return LINK_LINUX_SLL;
    case 239:
        return LINK_NFLOG;
    case 276:
        return LINK_LINUX_SLL2;
    default:
        return LINK_UNKNOWN;
    }
}
