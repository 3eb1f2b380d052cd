// Operations on the set of tags, in the form that the server takes; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Either {"set":[…]} or {"add":[…],"remove":[…]}, each list sorted and without repetition. Applying one twice changes nothing
/// more, which is what makes repeating it after a lost answer safe.
typedef NSDictionary<NSString *, NSArray<NSString *> *> AURTagOperation;

AURTagOperation *AURTagsSet(NSArray<NSString *> *tags);
AURTagOperation *AURTagsAdd(NSArray<NSString *> *tags);
AURTagOperation *AURTagsRemove(NSArray<NSString *> *tags);

/// One operation that does what both do, one after the other.
AURTagOperation *_Nullable AURTagsThen(AURTagOperation *_Nullable earlier, AURTagOperation *_Nullable later);

/// What an operation makes of a set of tags.
NSArray<NSString *> *AURTagsApply(AURTagOperation *_Nullable operation, NSArray<NSString *> *tags);

NS_ASSUME_NONNULL_END
