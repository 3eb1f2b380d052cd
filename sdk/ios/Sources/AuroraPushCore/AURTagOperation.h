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

/// At most so many tags to add and so many to remove, of those that an operation has; a set is one piece.
AURTagOperation *_Nullable AURTagsPiece(AURTagOperation *_Nullable operation, NSUInteger most);

/// What is left of an operation once the other was carried out; nil when nothing is.
AURTagOperation *_Nullable AURTagsLeft(AURTagOperation *_Nullable operation, AURTagOperation *_Nullable done);

NS_ASSUME_NONNULL_END
