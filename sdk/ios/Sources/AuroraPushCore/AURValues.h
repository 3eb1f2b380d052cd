// Looking into values of unknown shape: JSON from a server or a file, payloads, what an app passes; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The value, if it is a dictionary.
NSDictionary *_Nullable AURDictionary(id _Nullable value);

/// The value, if it is an array.
NSArray *_Nullable AURList(id _Nullable value);

/// A member that is text; nil also when from is no dictionary.
NSString *_Nullable AURText(id _Nullable from, NSString *key);

/// Whether value is a dictionary in which all of these keys, separated by blanks, stand for text.
BOOL AURHasTexts(id _Nullable value, NSString *keys);

/// Whether a text as a whole fits a regular expression.
BOOL AURMatches(NSString *_Nullable text, NSString *pattern);

/// The dictionary that some JSON stands for; nil when it is none.
NSDictionary *_Nullable AURReadJSON(NSData *_Nullable data);

/// A dictionary of strings, numbers, arrays and dictionaries as JSON.
NSData *AURWriteJSON(NSDictionary *dictionary);

NS_ASSUME_NONNULL_END
