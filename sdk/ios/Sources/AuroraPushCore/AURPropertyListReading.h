// The two readers behind AURParsePropertyList, and what they share.
#import "AURPropertyList.h"

NS_ASSUME_NONNULL_BEGIN

/// The work spent so far on one property list, and what is wrong with it.
typedef struct {
    int nodes;
    const char *_Nullable problem;
} AURPropertyListWork;

/// Accounts for one value at a depth of nesting; NO when it is too much. This is also what ends a file that contains itself.
BOOL AURPropertyListEnter(AURPropertyListWork *work, int depth);

/// Notes what is wrong, unless something was before, and returns nil.
id _Nullable AURPropertyListFail(AURPropertyListWork *work, const char *problem);

/// Adds a member to a dictionary; nil if there is no value, or one under this key already.
id _Nullable AURPropertyListAdd(AURPropertyListWork *work, NSMutableDictionary *members, NSString *_Nullable key, id _Nullable value);

// Each returns the outermost value. Changes the bytes.
id _Nullable AURParseXMLPropertyList(char *bytes, NSUInteger length, AURPropertyListWork *work);
id _Nullable AURParseBinaryPropertyList(const uint8_t *bytes, NSUInteger length, AURPropertyListWork *work);

NS_ASSUME_NONNULL_END
