// The two readers behind AURParsePropertyList, and what they share.
#import "AURPropertyList.h"

NS_ASSUME_NONNULL_BEGIN

/// The work spent so far on one property list, and what is wrong with it.
typedef struct {
    int nodes;
    NSString *__strong _Nullable problem;
} AURPropertyListWork;

/// Accounts for one value at a depth of nesting; NO when it is too much.
BOOL AURPropertyListEnter(AURPropertyListWork *work, int depth);

/// Notes what is wrong, unless something was before, and returns nil.
id _Nullable AURPropertyListFail(AURPropertyListWork *work, NSString *format, ...) NS_FORMAT_FUNCTION(2, 3);

id _Nullable AURParseXMLPropertyList(const char *bytes, NSUInteger length, AURPropertyListWork *work);
id _Nullable AURParseBinaryPropertyList(const uint8_t *bytes, NSUInteger length, AURPropertyListWork *work);

NS_ASSUME_NONNULL_END
